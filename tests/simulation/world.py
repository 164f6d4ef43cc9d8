"""The whole engine in one process: two replicas, two fan-out shards, counters and reconciler on stores in memory."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar, cast

from actors.consumers.fanout_shard import FanoutShard, range_consumer
from actors.consumers.log_consumer import Handler, LogConsumer
from actors.consumers.pull_threshold import PullThreshold
from actors.reconciler.reconciler import Reconciler
from actors.registry import CONSUMERS as ALL_CONSUMERS
from actors.registry import COUNTERS, RECONCILER, counters_handlers
from domain.clock import Clock, ManualClock
from domain.errors import EngineError, StoreUnavailable
from domain.events import Event, Retweeted, decode
from domain.ids import COUNT_PARTS, TweetId, UserId, range_of
from domain.limits import SMALL, Limits
from domain.relations import FOLLOW, Relation
from serve.composition import compose
from serve.reading.staleness import StalenessGuard
from serve.relations.commands import RelationCommands
from serve.relations.follow_commands import FollowCommands
from serve.relations.queries import RelationQueries
from serve.timelines.queries import TimelineQueries
from serve.tweets.commands import TweetCommands
from serve.tweets.queries import TweetQueries
from serve.users.commands import UserCommands
from serve.users.queries import UserQueries
from storage.desired_state import COUNTERS_UP, counters_names, desired, parts_of
from storage.leased_ids import LeasedIds
from storage.ports import Ports
from storage.ports.cache import ListKey, ListKind
from storage.ports.events import EventStore
from storage.projections import projection_of
from storage.rows import MINUTE_MS, event_row, tables_of
from tests.memory.cache import MemoryCacheStore
from tests.memory.counts import MemoryCountStore
from tests.memory.log import MemoryEventLog
from tests.memory.stores import ON_REDIS, memory_stores
from tests.simulation.scheduler import LIFE, MET, NO_FAULTS, CrashAt, Faults, Life, Scheduler, faults_of
from tests.simulation.stores import EVERYBODY, USERS, Answering, LateBatches

T = TypeVar("T")

TINY = replace(
    SMALL,
    timeline_entries_max=8,
    timeline_slack=2,
    author_entries_max=5,
    author_slack=1,
    slice_followers_max=2,
    push_batch_max=3,
    handled_max=3,
    jobs_max=3,
    log_read_max=5,
    log_entries_max=14,
    pull_threshold=5,
    pulled_grace_ms=1_500,
    pulled_leave_ms=4_000,
    page_default=3,
    page_max=3,
    continuation_entries_max=5,
    approvals_max=1,
    marked_recent_max=4,
    reconcile_tail_ms=6_000,
    staleness_trusted_ms=SMALL.staleness_known_ms,
)
"""Limits so small that a short history crosses all of them."""


def limits_of(rng: random.Random) -> Limits:
    """Those of a history: a short log loses much; a long timeline keeps what is wrong with it for all to see.

    Most sets are counted by segments, or only the largest; pages end short, or not; views are looked up, or kept.
    """
    return replace(
        TINY,
        log_entries_max=rng.choice((14, 60, 1_000)),
        timeline_entries_max=rng.choice((8, 80)),
        segment_max=rng.choice((1, 2)),
        page_candidates_max=rng.choice((4, 2_000)),
        view_ids_max=rng.choice((1, 2_000)),
    )


PARTITIONS = 2
REPLICAS = ("replica-1", "replica-2")
SHARDS = ("shard-1", "shard-2")
COUNTING = counters_names(2)
ACTORS = (*SHARDS, *COUNTING, RECONCILER)
CONSUMERS = (*ALL_CONSUMERS[COUNTERS], *sorted({range_consumer(range_of(user)) for user in USERS}))
_RENEW_EVERY_MS = 8_000
_RELEASE_EVERY_MS = 1_000
_SKEW_MS_MAX = 300


@dataclass(frozen=True, slots=True)
class Build:
    """What the engine is made of; a planted bug replaces a part."""

    cache: type[MemoryCacheStore] = MemoryCacheStore
    log: type[MemoryEventLog] = MemoryEventLog
    counts: type[MemoryCountStore] = MemoryCountStore
    shard: type[FanoutShard] = FanoutShard
    without: type[Handler] | None = None
    """The handler that the counters lack."""
    reconciler: type[Reconciler] = Reconciler
    guard: type[StalenessGuard] = StalenessGuard


class SkewedClock:
    """A clock that is ahead of another, or behind it, by what may change."""

    def __init__(self, clock: Clock, ahead_ms: Callable[[], int]) -> None:
        self._clock = clock
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._ahead_ms()

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()


@dataclass(slots=True)
class Replica:
    """The use cases of one replica."""

    commands: TweetCommands
    relations: RelationCommands
    follows: FollowCommands
    timelines: TimelineQueries
    tweets: TweetQueries
    users: UserQueries
    people: UserCommands
    pages: RelationQueries
    ids: LeasedIds


class World:
    """Everything, and the ways in which it can be hurt."""

    def __init__(self, seed: int, *, build: Build, limits: Limits | None = None, faults: Faults | None = None) -> None:
        self.seed = seed
        self.clock = ManualClock()
        self.scheduler = Scheduler(seed, self.clock)
        self.rng = self.scheduler.rng
        drawn_faults, drawn_limits = faults_of(self.rng), limits_of(self.rng)  # the same draws whatever is given
        self.scheduler.faults = drawn_faults if faults is None else faults
        self.limits = limits = limits or drawn_limits
        self.problems: list[str] = []
        self.settling = False
        """Whether nobody does anything any more, so that there is time."""
        self._build = build
        turns = {store: partial(self.scheduler.turn, store) for store in ("cassandra", "redis")}
        stores = memory_stores(
            self.clock,
            limits,
            partitions=PARTITIONS,
            to_cassandra=turns["cassandra"],
            to_redis=turns["redis"],
            users=EVERYBODY,
        )
        self.tables, self.redis = stores.tables, stores.redis
        self._lost = False
        """Whether everything in Redis was lost since the counters last had handled all that was in the log."""
        self.late: set[int] = set()
        """Events whose batches became visible late, or may have: nobody was told that they happened."""
        log = build.log(self.redis, PARTITIONS, limits, turns["redis"])
        cache = build.cache(self.redis, limits, turns["redis"])
        counts = build.counts(self.tables)
        ports = self._answering(replace(stores.ports, log=log, cache=cache, counts=counts))
        late = LateBatches(ports.events, self._apply, self.scheduler, self.late)
        self.ports = replace(ports, events=cast(EventStore, late))
        self.cache, self.coordination, self.letters = ports.cache, ports.coordination, ports.dead_letters
        self._skew_ms = {name: self.rng.randint(-_SKEW_MS_MAX, _SKEW_MS_MAX) for name in (*REPLICAS, *ACTORS)}
        self.replicas: dict[str, Replica] = {}
        self.shards: dict[str, FanoutShard] = {}
        self.counters: dict[str, LogConsumer] = {}
        self._lives: dict[str, Life] = {}

    def _answering(self, ports: Ports) -> Ports:
        """The same ports, whose answers can get lost."""

        def answering(name: str) -> Any:
            return Answering(self.scheduler, "redis" if name in ON_REDIS else "cassandra", getattr(ports, name))

        return Ports(**{field.name: answering(field.name) for field in fields(Ports)})

    def _apply(self, event: Event) -> None:
        self.tables.apply([event_row(event, PARTITIONS), *projection_of(event).rows(event)])

    # ----------------------------------------------------------------------------------------------- life and death

    async def begin(self) -> None:
        """Give every range an owner, and start everybody."""
        faults, self.scheduler.faults = self.scheduler.faults, NO_FAULTS
        for user in USERS:
            await self.coordination.set_range_owner(range_of(user), None, self.rng.choice(SHARDS))
        await self.coordination.set_checkpoint(COUNTERS_UP, self.rng.randint(1, len(COUNTING)))
        self.scheduler.faults = faults
        for name in (*REPLICAS, *ACTORS):
            self.start(name)

    def start(self, name: str) -> None:
        """Start a replica or an actor from what the stores hold."""
        self.scheduler.note(f"{name} starts")
        life = self._lives[name] = Life(name)
        self.scheduler.spawn(life, self._live(name))

    def alive(self, name: str) -> bool:
        return name in self._lives

    def crash(self, name: str) -> None:
        """End a replica or an actor, whatever it is doing."""
        self.scheduler.note(f"{name} crashes")
        self._lives.pop(name).over = True
        self.shards.pop(name, None)
        self.counters.pop(name, None)
        self.replicas.pop(name, None)

    def crash_once(self, at: CrashAt) -> None:
        """Have somebody crash at one of their calls, and start again soon after."""

        def crash(name: str) -> None:
            self.crash(name)
            self.scheduler.spawn("chaos", self._start_soon(name))

        self.scheduler.crash_at, self.scheduler.crash = at, crash

    async def _start_soon(self, name: str) -> None:
        await self.scheduler.sleep(self.rng.randint(0, 1_500))
        if not self.alive(name):
            self.start(name)

    async def _live(self, name: str) -> None:
        step = self._step_of(name)
        while True:
            try:
                await step()
            except EngineError:
                await self.scheduler.sleep(self.rng.randint(50, 400))
            else:
                await self.scheduler.sleep(self._pause_ms(name))

    def _pause_ms(self, name: str) -> int:
        if name in REPLICAS:
            return _RENEW_EVERY_MS
        if self.settling:
            return self.rng.randint(300, 900)
        if self.scheduler.faults is NO_FAULTS:
            return self.rng.randint(50, 150)
        return self.rng.randint(200, 800) if name == RECONCILER else self.rng.randint(1, 60)

    def _step_of(self, name: str) -> Callable[[], Awaitable[None]]:
        clock = SkewedClock(self.clock, lambda: self._skew_ms[name])
        if name in REPLICAS:
            return self._replica(name, clock)
        if name in SHARDS:
            return self._shard(name, clock)
        if name == RECONCILER:
            return partial(self._build.reconciler(CONSUMERS, self.ports, clock, self.limits, PARTITIONS).step, 0)
        return self._counters(name, clock)

    def _shard(self, name: str, clock: Clock) -> Callable[[], Awaitable[None]]:
        shard = self.shards[name] = self._build.shard(name, self.ports, clock, self.limits, PARTITIONS)
        return partial(shard.step, 0)

    def _counters(self, name: str, clock: Clock) -> Callable[[], Awaitable[None]]:
        threshold, released_ms = PullThreshold(self.ports, clock, self.limits), self.clock.monotonic_ms()
        all_ = counters_handlers(self.ports, clock, self.limits, threshold, LeasedIds(self.coordination, clock))
        handlers = [handler for handler in all_ if type(handler) is not self._build.without]

        async def parts() -> frozenset[int]:
            return parts_of(name, await desired(self.ports.coordination, COUNTERS_UP))

        counters = LogConsumer(COUNTERS, handlers, parts, self.ports, clock, self.limits, PARTITIONS)
        self.counters[name] = counters

        async def step() -> None:
            nonlocal released_ms
            await counters.step(0)
            if name == COUNTING[0] and self.clock.monotonic_ms() - released_ms >= _RELEASE_EVERY_MS:
                await threshold.release()
                released_ms = self.clock.monotonic_ms()

        return step

    def _replica(self, name: str, clock: Clock) -> Callable[[], Awaitable[None]]:
        ids = LeasedIds(self.coordination, clock)
        use_cases = compose(
            self.ports, clock, self.limits, ids, partitions=PARTITIONS, sleep=self._sleep, guard_of=self._build.guard
        )
        self.replicas[name] = Replica(
            commands=use_cases.get(TweetCommands),
            relations=use_cases.get(RelationCommands),
            follows=use_cases.get(FollowCommands),
            timelines=use_cases.get(TimelineQueries),
            tweets=use_cases.get(TweetQueries),
            users=use_cases.get(UserQueries),
            people=use_cases.get(UserCommands),
            pages=use_cases.get(RelationQueries),
            ids=ids,
        )
        return ids.renew

    async def _sleep(self, seconds: float) -> None:
        await self.scheduler.sleep(round(seconds * 1000))

    # --------------------------------------------------------------------------------------------------- from outside

    async def request(self, who: str, ask: Callable[[Replica], Awaitable[T]]) -> tuple[T, list[str]]:
        """Have a replica do something; its answer, and the faults it met. Raises what it raises.

        A request whose replica dies, or that finds none alive, raises `StoreUnavailable` like one that got no answer.
        """
        if not self.replicas:
            await self.scheduler.sleep(100)
            raise StoreUnavailable("replica", "none is alive")
        name = self.rng.choice(sorted(self.replicas))
        replica, life = self.replicas[name], self._lives[name]
        met: list[str] = []

        async def handle() -> T:
            MET.set(met)
            LIFE.set(life)
            return await ask(replica)

        task = asyncio.get_running_loop().create_task(handle(), name=f"{who} at {name}")
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
        if life.over:
            raise StoreUnavailable("replica", "died")
        return task.result(), met

    async def move_range(self, range_: int, to: str) -> None:
        """Give a range to a shard."""
        self.scheduler.note(f"range {range_} moves to {to}")
        try:
            owners = await self.coordination.range_owners()
            await self.coordination.set_range_owner(range_, owners.get(range_), to)
        except StoreUnavailable:
            return

    async def scale_counters(self) -> None:
        """Have one more or one less of the counters count."""
        up = self.rng.randint(1, len(COUNTING))
        self.scheduler.note(f"{up} of the counters count")
        with suppress(StoreUnavailable):
            await self.coordination.set_checkpoint(COUNTERS_UP, up)

    def poison(self, partition: int) -> None:
        """Append something to the log that is no event."""
        self.scheduler.note(f"partition {partition} is poisoned")
        self.redis.add(partition, b"\x00poison%d" % self.rng.randrange(10**9), self.limits.log_entries_max)

    def jump(self, name: str, by_ms: int) -> None:
        """Set somebody's clock."""
        self.scheduler.note(f"the clock of {name} jumps by {by_ms} ms")
        self._skew_ms[name] += by_ms

    def flush(self) -> None:
        """Lose everything that is in Redis."""
        self.scheduler.note("redis loses everything")
        self.redis.flush()
        self._lost = True

    def counts_are_behind(self) -> bool:
        """Whether the counters have not made up for a loss of Redis yet, which took what users noted with it."""
        logs = [(each._share.parts, each._log) for each in self.counters.values()]
        current = [
            len(parts)
            for parts, log in logs
            if log is not None and log._reader._incarnation == self.redis.incarnation
            if not log.behind and not log.unhandled
        ]
        self._lost = self._lost and sum(current) < COUNT_PARTS
        return self._lost

    def evict(self, user: UserId) -> None:
        """Lose a timeline, as a Redis that is full does."""
        self.scheduler.note(f"redis evicts the timeline of {user}")
        self.redis.set_list(ListKey(ListKind.HOME, user), None)

    def rows_of_user(self, user: UserId) -> list[tuple[TweetId, TweetId]]:
        """What somebody wrote and retweeted as of now, newest first: (id, the original's)."""
        rows = self.tables.partition("tweets", user, newest_first=True)
        return [(TweetId(cast(int, key[0])), TweetId(cast(int, row.get("retweet_of") or key[0]))) for key, row in rows]

    def sizes_of_user(self, user: UserId) -> tuple[int, int]:
        """How many somebody follows as of now, and how many tweets they wrote."""
        return len(self.targets(FOLLOW, user)), sum(id_ == original for id_, original in self.rows_of_user(user))

    def targets(self, relation: Relation, user: int) -> set[int]:
        """To whom somebody has a relation as of now."""
        rows = self.tables.partition(tables_of(relation).by_user, user)
        return {cast(int, key[0]) for key, row in rows if row.get("active")}

    def retweets_by(self, users: Collection[UserId], *, since_ms: int) -> list[tuple[int, TweetId]]:
        """What some users retweeted from some time on, undone by now or not: (id, the original's)."""
        minutes = range(since_ms // MINUTE_MS, self.clock.now_ms() // MINUTE_MS + 1)
        rows = (
            row for m in minutes for p in range(PARTITIONS) for row in self.tables.partition("events_by_minute", m, p)
        )
        events = (decode(cast(bytes, row.get("body"))) for _, row in rows)
        return [(e.event_id, e.tweet_id) for e in events if isinstance(e, Retweeted) and e.user in users]
