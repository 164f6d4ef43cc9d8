"""Would the simulation notice? Each planted bug must break one of the default histories."""

from collections.abc import Iterable, Mapping, Sequence

import pytest
from typing_extensions import override

from actors.counters import Counters
from actors.fanout_shard import FanoutShard
from actors.reconciler import Reconciler
from domain.events import AnyEvent, Event, encode
from domain.ids import log_partition
from storage.memory.hot import MemoryEventLog, trim
from storage.memory.hot_cache import MemoryCacheStore
from storage.ports import ListKey
from tests.simulation.run import DEFAULT_SEEDS, DISASTERS, run
from tests.simulation.world import Build


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
    def _start_from(self, positions: Mapping[int, str]) -> None:
        super()._start_from(positions)
        self._followers.set_edge = lambda *_: None  # type: ignore[method-assign]


class RepeatsNothing(Counters):
    """Trusts every command to have reached the caches."""

    @override
    async def _repeat_effects(self, events: Iterable[AnyEvent]) -> None:
        return


class TakesNothingBack(Counters):
    """Leaves what lost a race where it is."""

    @override
    async def _take_back_lost(self, event: AnyEvent) -> None:
        return


class LooksAtTheTailOnly(Reconciler):
    """Never looks back further than the tail."""

    @override
    async def _reconcile(self, from_ms: int, to_ms: int) -> int:
        return await super()._reconcile(max(from_ms, to_ms - 500), to_ms)


BUGS = {
    "a tweet is not pushed to its author's recent tweets": Build(log=ForgetsRecents),
    "a follow does not unlink the timeline": Build(cache=NeverUnlinks),
    "a trim does not raise the floor": Build(cache=TrimsSilently),
    "a shard learns of no new followers": Build(shard=KeepsOldFollowers),
    "effects are not repeated": Build(counters=RepeatsNothing),
    "what lost a race stays": Build(counters=TakesNothingBack),
    "the reconciler never looks back": Build(reconciler=LooksAtTheTailOnly),
}


HEALED_BY_LOSS = {"a shard learns of no new followers"}
"""A store that is down or loses everything heals these: all is read anew."""
CALM = ("crash", "move", "stall", "poison")


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug: str) -> None:
    disasters = CALM if bug in HEALED_BY_LOSS else DISASTERS
    assert any(run(seed, BUGS[bug], disasters=disasters).problems for seed in range(DEFAULT_SEEDS))
