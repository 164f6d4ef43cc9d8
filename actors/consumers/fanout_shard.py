"""A fan-out shard: owns ranges of followers, and pushes every entry to those of them who have a home timeline.

Pushes are at least once: an offset is saved only when everything before it is done, so whoever goes on from there
repeats at most the last second. Repeats do not show (see `domain.timeline`).
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from functools import partial
from itertools import islice

from actors.consumers.claimed_log import ClaimedLog
from actors.consumers.dead_letters import Decoded, Outcome, RetryPolicy
from domain.clock import Clock
from domain.errors import EngineError, Fenced
from domain.events import AnyEvent, Retweeted, TweetPosted
from domain.fanout import Batch, FollowerSets, Interleaver, Job, Pulled
from domain.ids import UserId, range_of, time_ms
from domain.limits import Limits
from domain.relations import FOLLOW
from domain.tweets import Visibility
from storage.ports import Ports
from storage.ports.cache import ListKey, ListKind, Pushed
from storage.ports.coordination import APPLIED
from storage.ports.log import LogRecord
from telemetry import metrics
from telemetry.logs import logger

_SAVE_EVERY_MS = 1_000
_REFRESH_EVERY_MS = 1_000
"""The interval of reading the assignment: ranges are read and not sent, so no such message can be lost."""
_ADMITTED_MAX = 500
"""Records admitted in one turn, so that a backlog does not make it a long one."""
_PUSHES_AT_ONCE = 2
"""Batches on their way to the timelines: while the store works on one, the next is made up."""
_LOADS_AT_ONCE = 32
"""Authors whose followers are loaded side by side; each takes up to eight reads."""


def range_consumer(range_: int) -> str:
    """The name under which the offset of a follower range is kept."""
    return f"range-{range_:02d}"


class FanoutShard:
    """Fans out for the ranges that Cassandra says it owns.

    `step` is one turn: read, admit, begin to push one batch, save. It may raise `StoreUnavailable`; nothing is lost
    then, and the next step goes on. It reads its assignment every second, and at once when somebody newer owns a
    range.
    """

    def __init__(self, name: str, ports: Ports, clock: Clock, limits: Limits, partitions: int) -> None:
        self.name = name
        self.ranges: dict[int, int] = {}
        """The owned ranges and the epoch under which each is owned."""
        self._ports = ports
        self._clock = clock
        self._limits = limits
        self._log = ClaimedLog(ports, clock, limits, partitions, checkpoints=(APPLIED,))
        self._retries = RetryPolicy(name, ports.dead_letters, clock, limits)
        self._followers = FollowerSets(limits.follower_edges_max)
        self._pulled = Pulled({}, limits.pulled_grace_ms)
        self._pulled_read_ms: int | None = None
        self._interleaver = Interleaver(limits.slice_followers_max, limits.push_batch_max)
        self._under_way: deque[tuple[Batch, asyncio.Task[Pushed]]] = deque()
        """Batches that are being written, in the order in which that began."""
        self._saved_ms = 0
        self._assigned_ms: int | None = None
        """The time at which the assignment was read last (monotonic); None while it is to be taken anew."""

    @property
    def queue(self) -> int:
        """Tweets being fanned out."""
        under_way = sum(len(batch.finished) for batch, _ in self._under_way)
        return len(self._log.unhandled) + len(self._interleaver) + under_way

    async def step(self, wait_ms: int) -> None:
        """Run one turn; it waits up to `wait_ms` for events when there is nothing to do."""
        try:
            await self._refresh_assignment()
            if not self.ranges:
                return
            await self._read(wait_ms)
            await self._admit()
            self._begin_to_push()
            self._log.read_on(wait_ms)  # behind the push, which somebody waits for
            await self._end_pushes()
            await self._save()
        except Fenced as fenced:
            metrics.SAFEGUARDS.record(safeguard="fence")
            logger().warning("fenced", shard=self.name, consumer=fenced.name, epoch=fenced.epoch)
            self._assigned_ms = None

    async def drain(self) -> None:
        """Finish what was read, and save how far that is."""
        self._log.stop_reading()
        if not self.ranges or self._assigned_ms is None:
            return
        while self.queue:
            await self._admit()
            self._begin_to_push()
            await self._end_pushes()
        await self._log.save()

    async def _refresh_assignment(self) -> None:
        """Read the owned ranges; if they changed, fence earlier owners off, and go on from the earliest offsets."""
        now_ms = self._clock.monotonic_ms()
        if self._assigned_ms is not None and now_ms - self._assigned_ms < _REFRESH_EVERY_MS:
            return
        owners = await self._ports.coordination.range_owners()
        ranges = {range_: owner.epoch for range_, owner in owners.items() if owner.owner == self.name}
        if self._assigned_ms is None or ranges != self.ranges:
            self._assigned_ms, self.ranges = None, ranges
            await self._log.claim({range_consumer(range_): epoch for range_, epoch in ranges.items()})
            self._start_anew()
            logger().info("assigned", shard=self.name, ranges=len(self.ranges))
        self._assigned_ms = now_ms

    def _start_anew(self) -> None:
        """Forget all work that was begun, and the followers: follows among what is read again changed them."""
        self._followers.clear()
        self._interleaver = Interleaver(self._limits.slice_followers_max, self._limits.push_batch_max)
        for _, write in self._under_way:
            write.cancel()
        self._under_way.clear()

    async def _read(self, wait_ms: int) -> None:
        if self._log.unhandled or len(self._interleaver) >= self._limits.jobs_max:
            return
        busy = bool(self._under_way) or len(self._interleaver) > 0
        if (await self._log.read_ahead(wait_ms, busy=busy)).lost:
            self._start_anew()  # every timeline is gone with the store's old life
            await self._log.reclaim()

    async def _admit(self) -> None:
        """Turn the next records into jobs, in order; stops at one that must be tried again."""
        if not self._log.unhandled:
            return
        await self._refresh_pulled()
        ends_ms = self._clock.monotonic_ms() + self._limits.turn_ms
        await self._load_followers((event for _, event in islice(self._log.unhandled, _ADMITTED_MAX)), ends_ms)
        handled = 0
        while self._log.unhandled and await self._try(*self._log.unhandled[0]):
            self._log.unhandled.popleft()
            handled += 1
            if handled == _ADMITTED_MAX or self._clock.monotonic_ms() >= ends_ms:
                break
        metrics.EVENTS_HANDLED.record(handled, consumer=self.name)

    async def _try(self, record: LogRecord, event: Decoded) -> bool:
        """Handle one event; False if it failed and must be tried again."""
        outcome = await self._retries.attempt(record, event, partial(self._handle, record))
        if outcome is Outcome.LEFT_OUT:
            self._log.finish(record.partition, record.offset)
        return outcome is not Outcome.RETRY

    async def _handle(self, record: LogRecord, event: AnyEvent) -> None:
        match event:
            case TweetPosted() | Retweeted():
                if self._is_pushed(event, self._clock.now_ms()):
                    await self._start_job(record, event)
                    return
            case _:
                for user, followee in FOLLOW.pairs_of(event):
                    if range_of(user) in self.ranges:
                        edge = await self._ports.relations.state(FOLLOW, UserId(user), followee)
                        self._followers.set_edge(UserId(followee), UserId(user), edge.active)
                        await self._ports.cache.unlink([ListKey(ListKind.HOME, UserId(user))])
        self._log.finish(record.partition, record.offset)

    def _is_pushed(self, event: TweetPosted | Retweeted, now_ms: int) -> bool:
        """False for entries that home timelines pull, and for tweets that stand in nobody's but the author's."""
        if isinstance(event, TweetPosted) and event.visibility is Visibility.MENTIONED:
            return False
        return self._pulled.pushed(event.actor, now_ms)

    async def _start_job(self, record: LogRecord, event: TweetPosted | Retweeted) -> None:
        followers = self._followers.get(event.actor)
        if followers is None:
            followers = await self._ports.relations.sources_in(FOLLOW, event.actor, sorted(self.ranges))
            self._followers.put(event.actor, followers)
        if len(followers) > self._limits.slice_followers_max:
            metrics.SAFEGUARDS.record(safeguard="slice")
        self._interleaver.add(Job(event.event_id, event.tweet_id, followers, record.partition, record.offset))

    async def _load_followers(self, events: Iterable[Decoded], ends_ms: int) -> None:
        """Load the followers of the authors of a batch side by side, until it is late, so that `_handle` finds them."""
        now_ms = self._clock.now_ms()
        authors = {e.actor for e in events if isinstance(e, TweetPosted | Retweeted) and self._is_pushed(e, now_ms)}
        missing = [author for author in authors if self._followers.get(author) is None]
        for at in range(0, len(missing), _LOADS_AT_ONCE):
            part = missing[at : at + _LOADS_AT_ONCE]
            found = await asyncio.gather(
                *(self._ports.relations.sources_in(FOLLOW, author, sorted(self.ranges)) for author in part)
            )
            for author, followers in zip(part, found, strict=True):
                self._followers.put(author, followers)
            if self._clock.monotonic_ms() >= ends_ms:
                break
        metrics.FOLLOWER_EDGES.record(self._followers.edges, shard=self.name)

    async def _refresh_pulled(self) -> None:
        now_ms = self._clock.monotonic_ms()
        if self._pulled_read_ms is None or now_ms - self._pulled_read_ms >= self._limits.pulled_refresh_ms:
            self._pulled = Pulled(await self._ports.coordination.pulled(), self._limits.pulled_grace_ms)
            self._pulled_read_ms = now_ms

    def _begin_to_push(self) -> None:
        """Begin to write the next batch, if not enough are under way."""
        if len(self._interleaver) and len(self._under_way) < _PUSHES_AT_ONCE:
            batch = self._interleaver.next_batch()
            self._under_way.append((batch, self._begin(batch)))

    async def _end_pushes(self) -> None:
        """Wait for batches when enough are under way, or nothing else is to do."""
        while self._under_way and (len(self._under_way) == _PUSHES_AT_ONCE or not len(self._interleaver)):
            await self._end_oldest()
        metrics.FANOUT_QUEUE.record(self.queue, shard=self.name)

    def _begin(self, batch: Batch) -> asyncio.Task[Pushed]:
        return asyncio.create_task(self._ports.cache.push(ListKind.HOME, batch.followers, batch.entries))

    async def _end_oldest(self) -> None:
        """A batch is kept until its write succeeded; a repeat after an error adds duplicates only."""
        batch, write = self._under_way[0]
        try:
            pushed = await asyncio.shield(write)
        except EngineError:
            self._under_way[0] = batch, self._begin(batch)
            raise
        if overfull := [ListKey(ListKind.HOME, UserId(user)) for user in pushed.overfull.tolist()]:
            trimmed = await self._ports.cache.trim(overfull)
            metrics.SAFEGUARDS.record(trimmed, safeguard="trim")
        self._under_way.popleft()
        metrics.DELIVERIES.record(pushed.delivered, outcome="delivered")
        metrics.DELIVERIES.record(pushed.absent, outcome="absent")
        now_ms = self._clock.now_ms()
        for job in batch.finished:
            self._log.finish(job.partition, job.offset)
            metrics.FANOUT_SECONDS.record(max(0, now_ms - time_ms(job.entry)) / 1000)

    async def _save(self) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._saved_ms >= _SAVE_EVERY_MS:
            await self._log.save()
            self._saved_ms = now_ms
