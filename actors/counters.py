"""Counters: repeats what commands did to caches, takes counts anew, and notices who is too large to push.

Everything it writes is absolute, so an event may come twice, late, or out of order.
"""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

from actors.dead_letters import GivenUp, Outcome, decoded
from domain.clock import Clock
from domain.counts import TweetCounts, UserCounts
from domain.errors import Fenced, Overloaded, PoisonedEvent, StoreUnavailable
from domain.events import AnyEvent
from domain.ids import RANGES, TweetId, UserId
from domain.limits import Limits
from domain.relations import FOLLOW, Target, relation_of
from storage import keys, values
from storage.log_reader import LogReader, earliest
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.coordination import CoordinationStore
from storage.ports.counts import CountStore
from storage.ports.dead_letters import DeadLetterStore
from storage.ports.events import EventStore
from storage.ports.log import BEGINNING, EventLog, LogRecord, OffsetStore
from storage.ports.relations import RelationStore
from storage.projections import invalidate, projection_of
from storage.projections.projection import Count
from storage.projections.relations import superseded_values
from storage.values import Counted
from telemetry import metrics
from telemetry.logs import logger, trace

READER = "counters"
CHECKPOINT = "counted"
"""The checkpoint: every event that was in the log before this wall time (ms) is settled."""
_CHECKPOINT_EVERY_MS = 10_000
_AT_ONCE = 32
"""Sets counted side by side."""


class Counters:
    """Follows the log; one at a time, fenced by its epoch."""

    def __init__(
        self,
        epoch: int,
        *,
        log: EventLog,
        events: EventStore,
        relations: RelationStore,
        counts: CountStore,
        cache: CacheStore,
        offsets: OffsetStore,
        coordination: CoordinationStore,
        letters: DeadLetterStore,
        clock: Clock,
        limits: Limits,
        partitions: int,
    ) -> None:
        self._epoch = epoch
        self._events = events
        self._relations = relations
        self._counts = counts
        self._cache = cache
        self._offsets = offsets
        self._coordination = coordination
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._new_reader = partial(
            LogReader, log, events, coordination, clock, limits, range(partitions), checkpoint=CHECKPOINT
        )
        self._reader = self._new_reader()
        self._given_up = GivenUp(READER, letters, clock, limits)
        self._unhandled: list[tuple[LogRecord, AnyEvent | PoisonedEvent]] = []
        self._together = limits.settled_max
        """How many events the next turn settles: fewer after one that failed or took long, then more again."""
        self._after: dict[int, str] = {}
        """The offset in each partition up to which all is settled."""
        self._all_read_ms = 0
        self._checkpointed_ms = 0
        self._claimed = False
        self._started = False
        self._written: set[str] = set()
        """Sums of a batch whose offset is not saved."""

    async def step(self, wait_ms: int) -> None:
        """One turn: read a batch, or settle the next of it, and save the offset. What failed is taken up again."""
        try:
            if not self._started:
                await self._start()
            if not self._unhandled:
                await self._read(wait_ms)
            await self._settle_next()
            if not self._unhandled:
                self._after = dict(self._reader.offsets)
            await self._offsets.save({READER: self._epoch}, self._after)
            self._written.clear()
            if not self._unhandled:
                await self._move_checkpoint()
        except Fenced as fenced:
            if not self._claimed:
                raise RuntimeError("an earlier process has a later epoch: a clock went back") from fenced
            metrics.EDGES.record(edge="fence")
            self._started = False  # the offset was lost, or a later one of us reads on: the claim will tell

    async def _settle_next(self) -> None:
        now, begun_ms = self._unhandled[: self._together], self._clock.monotonic_ms()
        self._together = max(1, self._together // 2)
        if not await (self._tried(*now[0]) if len(now) == 1 else self._settled(now)):
            return
        if self._clock.monotonic_ms() - begun_ms <= self._limits.turn_ms:
            self._together = min(self._limits.settled_max, 4 * self._together)
        del self._unhandled[: len(now)]
        self._after |= {record.partition: record.offset for record, _ in now}

    async def _settled(self, some: Sequence[tuple[LogRecord, AnyEvent | PoisonedEvent]]) -> bool:
        """Settle some together; False if one of them cannot be, which shows when it is alone."""
        events = [event for _, event in some if not isinstance(event, PoisonedEvent)]
        try:
            await self._settle(events)
        except (StoreUnavailable, Overloaded, Fenced):
            raise
        except Exception as error:  # noqa: BLE001  (which event it was, and whether it is given up, shows one by one)
            logger().error("a batch failed, fewer events are tried together", error=repr(error), events=len(some))
            return False
        for event in events:
            trace("handled", reader=READER, event_id=event.event_id, request_id=event.request_id)
        for record, poisoned in some:
            if isinstance(poisoned, PoisonedEvent):
                await self._tried(record, poisoned)
        return True

    async def _tried(self, record: LogRecord, event: AnyEvent | PoisonedEvent) -> bool:
        """Handle one event; False if it failed and must be tried again."""
        return await self._given_up.tried(record, event, self._settle_one) is not Outcome.AGAIN

    async def _settle_one(self, event: AnyEvent) -> None:
        await self._settle([event])

    async def _settle(self, events: Sequence[AnyEvent]) -> None:
        """Do all that follows from some events."""
        await self._invalidate(events)
        await self._recount(events)
        gate = asyncio.Semaphore(_AT_ONCE)

        async def repair(event: AnyEvent) -> None:
            async with gate:
                await self._remove_superseded(event)

        await asyncio.gather(*map(repair, events))

    async def _start(self) -> None:
        if self._written:  # a later one of us may have written since: what we overwrote is to be counted anew
            await self._cache.drop(sorted(self._written))
            self._written.clear()
        self._after = earliest([await self._offsets.claim(READER, self._epoch)], self._partitions)
        self._claimed = True
        self._reader = self._new_reader()  # the old one may have read more than was settled
        self._reader.seek(self._after)
        if await self._coordination.checkpoint(CHECKPOINT) is None:
            await self._coordination.set_checkpoint(CHECKPOINT, self._clock.now_ms())
        await self._reader.catch_up()
        self._unhandled, self._all_read_ms = [], 0
        self._started = True

    async def _move_checkpoint(self) -> None:
        """Keep how far this is where a loss of the log does not reach."""
        if self._all_read_ms - self._checkpointed_ms >= _CHECKPOINT_EVERY_MS:
            await self._coordination.set_checkpoint(CHECKPOINT, self._all_read_ms)
            self._checkpointed_ms = self._all_read_ms

    async def _read(self, wait_ms: int) -> None:
        now_ms = self._clock.now_ms()
        read = await self._reader.read(wait_ms)
        if not self._reader.behind and not read.more:
            self._all_read_ms = now_ms
        if read.lost:
            await self._offsets.claim(READER, self._epoch)
            self._after = dict.fromkeys(range(self._partitions), BEGINNING)
        self._unhandled = [(record, decoded(record)) for record in read.records]
        if read.records:
            metrics.EVENTS_HANDLED.record(len(read.records), reader=READER)

    async def _invalidate(self, events: Iterable[AnyEvent]) -> None:
        await invalidate(self._cache, events)

    async def _remove_superseded(self, event: AnyEvent) -> None:
        """Several commands may have turned one relation on at once: what the losers left beside it must go."""
        relation = relation_of(event)
        if relation is None:
            return
        state = await self._relations.state(relation, event.actor, relation.target_of(event))
        if not state.superseded:
            return
        metrics.EDGES.record(edge="superseded")
        await self._events.remove_superseded(event, state)
        if values_ := superseded_values(event, state):
            await self._cache.drop(values_)

    async def _recount(self, events: Iterable[AnyEvent]) -> None:
        """Count every set that a batch may have changed, once, and write the sums.

        Nobody else overwrites a sum, so those that are kept and did not change need not be counted; but they end at
        their time, so that none stays wrong for long, should a batch have become visible too late.
        """
        recounts = [count for event in events for count in projection_of(event).recounts(event)]
        tweets, users = _by_id(recounts, Target.TWEET), _by_id(recounts, Target.USER)
        names = [*map(keys.tweet_counts, tweets), *map(keys.user_counts, users)]
        if not names:
            return
        began_us = await self._cache.now_us()
        kept = dict(zip(names, (await self._cache.fetch((), names))[1], strict=True))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def tweet(id_: int) -> tuple[int, Counted[TweetCounts]]:
            value = kept[keys.tweet_counts(id_)]
            async with gate:
                if value is None:
                    return id_, Counted.at(await self._counts.tweet_counts(TweetId(id_)), began_us)
                held = values.tweet_counts_from(value)
                counts = await self._counts.tweet_counts(TweetId(id_), tweets[id_], held.counts)
                return id_, held.recounted(counts, tweets[id_], began_us)

        async def user(id_: int) -> tuple[int, Counted[UserCounts]]:
            value = kept[keys.user_counts(id_)]
            async with gate:
                if value is None:
                    return id_, Counted.at(await self._counts.user_counts(UserId(id_)), began_us)
                held = values.user_counts_from(value)
                counts = await self._counts.user_counts(UserId(id_), users[id_], held.counts)
                return id_, held.recounted(counts, users[id_], began_us)

        of_tweets = dict(await asyncio.gather(*map(tweet, tweets)))
        of_users = dict(await asyncio.gather(*map(user, users)))
        sums = {keys.tweet_counts(id_): values.tweet_counts(counts) for id_, counts in of_tweets.items()}
        sums |= {keys.user_counts(id_): values.user_counts(counts) for id_, counts in of_users.items()}
        self._written |= sums.keys()
        whole = {key: value for key, value in sums.items() if kept[key] is None}
        await self._cache.put(whole, ttl_s=self._limits.cache_ttl_s)
        await self._cache.update({key: value for key, value in sums.items() if key not in whole})
        await self._watch_threshold({UserId(id_): of_users[id_].counts for id_ in users if "followers" in users[id_]})

    async def _watch_threshold(self, counted: dict[UserId, UserCounts]) -> None:
        """Publish who has crossed the pull threshold, upwards or (provisionally) downwards."""
        if not counted:
            return
        large = [id_ for id_, counts in counted.items() if counts.followers >= self._limits.pull_threshold]
        pulled = await self._coordination.pulled()
        for id_ in large:
            if id_ not in pulled:
                metrics.EDGES.record(edge="threshold_crossing")
                logger().info("author is pulled from now on", author=id_)
                await self._coordination.set_pulled(id_, self._clock.now_ms())
            elif await self._coordination.checkpoint(_below(id_)):
                await self._coordination.set_checkpoint(_below(id_), 0)
        for id_ in counted.keys() - set(large):
            if id_ in pulled and not await self._coordination.checkpoint(_below(id_)):
                await self._coordination.set_checkpoint(_below(id_), self._clock.now_ms())

    async def release_pulled(self) -> None:
        """Let authors who stayed below the threshold long enough be pushed again.

        In two turns, so that a reader always finds a tweet one way or the other: first they are pushed *and* pulled
        (a `since` in the future says so); when every process knows, their followers' timelines are unlinked, as
        these lack what was only pulled, and then they are pulled no more.
        """
        now_ms = self._clock.now_ms()
        for author, since_ms in (await self._coordination.pulled()).items():
            below_ms = await self._coordination.checkpoint(_below(author))
            if not below_ms or now_ms - below_ms < self._limits.pulled_leave_ms:
                continue
            both_ms = 2 * self._limits.pulled_leave_ms
            if since_ms <= now_ms:
                await self._coordination.set_pulled(author, now_ms + both_ms)
            elif now_ms >= since_ms - both_ms + self._limits.pulled_grace_ms:
                await self._unlink_followers(author)
                await self._coordination.set_pulled(author, None)
                await self._coordination.set_checkpoint(_below(author), 0)

    async def _unlink_followers(self, author: UserId) -> None:
        followers = (await self._relations.sources_in(FOLLOW, author, range(RANGES))).tolist()
        for slice_ in _slices(followers, self._limits.slice_followers_max):
            await self._cache.unlink([ListKey(ListKind.HOME, UserId(user)) for user in slice_])


def _by_id(recounts: Iterable[Count], target: Target) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for count in recounts:
        if count.target is target:
            found.setdefault(count.id, set()).add(count.name)
    return found


def _below(author: int) -> str:
    """The checkpoint of when an author fell below the threshold; 0 when that is over."""
    return f"below-threshold:{author}"


def _slices(items: Sequence[int], size: int) -> Iterable[Sequence[int]]:
    return (items[at : at + size] for at in range(0, len(items), size))
