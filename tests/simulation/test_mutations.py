"""Would the simulation notice? Each planted bug must break one of the default histories."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from actors.consumers.conflicts import Conflicts
from actors.consumers.fanout_shard import FanoutShard
from actors.consumers.repair import Invalidation, Repair
from actors.reconciler.reconciler import Reconciler
from domain.counts import CountedSet
from domain.events import Event, encode
from domain.ids import Ids, UserId, log_partition
from domain.segments import END, START, Segment
from domain.timeline import NO_ENTRIES, EntryList
from serve.reading.staleness import StalenessGuard
from storage.ports.cache import NOTHING_KNOWN, Changes, Known, ListKey
from tests.memory.cache import MemoryCacheStore
from tests.memory.counts import MemoryCountStore
from tests.memory.entry_lists import trim
from tests.memory.log import MemoryEventLog
from tests.simulation.run import DEFAULT_SEEDS, Story, run
from tests.simulation.scheduler import NO_FAULTS, CrashAt
from tests.simulation.smallest import smallest
from tests.simulation.world import SHARDS, Build


class ForgetsRecents(MemoryEventLog):
    """Appends, and leaves the author's recent tweets as they are."""

    @override
    async def append(self, events: Sequence[Event]) -> None:
        for event in events:
            await self._turn()
            self._redis.add(log_partition(event.actor, self._partitions), encode(event), self._limits.log_entries_max)


class NeverUnlinks(MemoryCacheStore):
    """Keeps a timeline when its owner follows somebody else."""

    @override
    async def unlink(self, keys: Sequence[ListKey]) -> None:
        await self._turn()


class TrimsSilently(MemoryCacheStore):
    """Cuts a list and still promises what was cut."""

    @override
    async def trim(self, keys: Sequence[ListKey]) -> int:
        await self._turn()
        trimmed = 0
        for key in keys:
            stored = self._redis.list(key)
            floor = stored.floor if stored is not None else None
            trimmed += trim(self._redis, key, self._limits)
            if stored is not None:
                stored.floor = floor
        return trimmed


class KeepsOldFollowers(FanoutShard):
    """Takes no notice of follows once an author's followers are loaded."""

    @override
    def _start_anew(self) -> None:
        super()._start_anew()
        self._followers.set_edge = lambda *_: None  # type: ignore[method-assign]


class NotesNothing(MemoryCacheStore):
    """Forgets at once what users did to counts."""

    @override
    async def note(self, key: str, acts: Sequence[bytes]) -> None:
        await self._turn()


class DropsNothing(MemoryCacheStore):
    """Keeps what a command made untrue."""

    @override
    async def drop(self, keys: Sequence[str]) -> None:
        await self._turn()


class KeepsViews(MemoryCacheStore):
    """Drops all but what readers see through."""

    @override
    async def drop(self, keys: Sequence[str]) -> None:
        await super().drop([key for key in keys if not key.startswith("vw:")])


class KnowsListsForEver(MemoryCacheStore):
    """Says that a list which a replica remembers is as it was."""

    @override
    def _entry_list(self, key: ListKey, known: EntryList | None) -> EntryList | None:
        return known or super()._entry_list(key, None)


class KnowsValuesForEver(MemoryCacheStore):
    """Says that values beside lists which a replica remembers are as they were."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._said: dict[tuple[str, ...], list[bytes | None]] = {}

    @override
    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        found, values, changes = await super().fetch_with_changes(lists, keys, after, known)
        if known:
            values = self._said.setdefault(tuple(keys), values)
        return found, values, changes


class CountsLeavesOnce(MemoryCountStore):
    """Keeps leaves as they were counted first, unless they are cut."""

    @override
    async def keep(self, set_: CountedSet, leaves: Sequence[Segment], branches: Sequence[Segment], stamp: int) -> None:
        held = {(leaf.start, leaf.end) for leaf in await self.leaves(set_, START, END) if leaf.size is not None}
        new = [leaf for leaf in leaves if (leaf.start, leaf.end) not in held]
        await super().keep(set_, new, branches, stamp)


class TrimsTheWrongEnd(MemoryCacheStore):
    """Cuts what came last."""

    @override
    async def trim(self, keys: Sequence[ListKey]) -> int:
        await self._turn()
        for key in keys:
            if (stored := self._redis.list(key)) is not None:
                del stored.pairs[: max(0, len(stored.pairs) - self._limits.timeline_entries_max)]
        return len(keys)


class ForgetsWhatCame(MemoryCacheStore):
    """Finishes a list without what was pushed while it was built."""

    @override
    async def finish_list(self, key: ListKey, token: str, built: EntryList) -> bool:
        finished = await super().finish_list(key, token, built)
        if finished and (stored := self._redis.list(key)) is not None:
            stored.pairs = [pair for pair in stored.pairs if list(pair) in built.entries.tolist()]
        return finished


class SavesTooEarly(FanoutShard):
    """Saves how far it has read, whether or not that was pushed."""

    @override
    async def _admit(self) -> None:
        read = {record.partition: record.offset for record, _ in self._log.unhandled}
        await self._log._offsets.save(self._log._owned, read)
        await super()._admit()


class LooksAtTheTailOnly(Reconciler):
    """Never looks back further than the tail."""

    @override
    async def _reconcile(self, from_ms: int, to_ms: int) -> int:
        return await super()._reconcile(max(from_ms, to_ms - 500), to_ms)


class NeverApplies(Reconciler):
    """Waits for a consumer that is not there."""

    def __init__(self, consumers: Sequence[str], *args: Any) -> None:
        super().__init__((*consumers, "nobody"), *args)


class ReportsNothing(StalenessGuard):
    """Tells nobody that Redis failed, and does not heed it."""

    @override
    async def report_failure(self) -> None:
        return


class AddsNothing(StalenessGuard):
    """Knows that Redis is suspect, and shows the entries that it holds."""

    @override
    def missing_entries(self, followees: Ids, viewer: UserId) -> EntryList:
        return EntryList(NO_ENTRIES, 0)


BUGS = {
    "a tweet is not pushed to its author's recent tweets": Build(log=ForgetsRecents),
    "a follow does not unlink the timeline": Build(cache=NeverUnlinks),
    "a trim does not raise the floor": Build(cache=TrimsSilently),
    "a shard learns of no new followers": Build(shard=KeepsOldFollowers),
    "what users did is not noted": Build(cache=NotesNothing),
    "a drop does nothing": Build(cache=DropsNothing),
    "views are never dropped": Build(cache=KeepsViews),
    "a remembered list is never read again": Build(cache=KnowsListsForEver),
    "remembered values are never read again": Build(cache=KnowsValuesForEver),
    "a leaf is counted once": Build(counts=CountsLeavesOnce),
    "a trim cuts what came last": Build(cache=TrimsTheWrongEnd),
    "a rebuilt list loses what was pushed meanwhile": Build(cache=ForgetsWhatCame),
    "effects are not repeated": Build(without=Invalidation),
    "what lost a race stays": Build(without=Repair),
    "what races leave beside each other stays": Build(without=Conflicts),
    "the reconciler never looks back": Build(reconciler=LooksAtTheTailOnly),
    "nothing is ever known to be applied": Build(reconciler=NeverApplies),
    "nobody knows that redis failed": Build(guard=ReportsNothing),
    "what Redis may lack is not added": Build(guard=AddsNothing),
}


STORIES = {
    # A store that is down or loses everything heals this, and so does a shard that begins anew: all is read again.
    "a shard learns of no new followers": Story(disasters=("stall",), faults=NO_FAULTS),
    # Without an outage nothing is suspect, and with everything else beside it few see anything.
    "nobody knows that redis failed": Story(disasters=("down",), faults=NO_FAULTS),
    "what Redis may lack is not added": Story(disasters=("down",), faults=NO_FAULTS),
}
"""Of bugs that not every story shows."""


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug: str) -> None:
    assert any(run(seed, BUGS[bug], STORIES.get(bug, Story())).problems for seed in range(DEFAULT_SEEDS))


def test_an_offset_that_is_saved_too_early_is_noticed_by_crashes() -> None:
    build, story = Build(shard=SavesTooEarly), Story(actions=(3, 6, 0), disasters=("evict",), faults=NO_FAULTS)
    who, seed, every = SHARDS[0], 8, 3
    calls = run(seed, build, story).calls[who]
    crashes = (replace(story, crash_at=CrashAt(who, call)) for call in range(1, calls, every))
    assert any(run(seed, build, crash).problems for crash in crashes)


def test_what_is_reported_is_the_smallest_history_that_was_found() -> None:
    bug = BUGS["what lost a race stays"]
    failed = next(result for seed in range(DEFAULT_SEEDS) if (result := run(seed, bug)).problems)
    found = smallest(failed, bug, tries_max=12)
    assert found.problems
    assert len(found.history) < len(failed.history)
    assert run(found.seed, bug, found.story).history == found.history, "the report tells how to see it again"
