"""The parts of the engine on in-memory stores, driven by hand."""

from collections.abc import Iterable

from actors.consumers.fanout_shard import FanoutShard
from actors.consumers.log_consumer import LogConsumer, Parts
from actors.consumers.pull_threshold import PullThreshold
from actors.reconciler.reconciler import Reconciler
from actors.registry import CONSUMERS as ALL_CONSUMERS
from actors.registry import COUNTERS, counters_handlers
from domain.clock import ManualClock
from domain.events import Event, Followed, Liked, Retweeted, TweetPosted, Unfollowed
from domain.ids import COUNT_PARTS, RANGES, EventId, IdGenerator, TweetId, UserId, stamp_us
from domain.limits import SMALL, Limits
from domain.timeline import NO_ENTRIES, EntryList
from domain.users import User
from serve.reading.staleness import StalenessGuard
from storage.leased_ids import LeasedIds
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.log import EventLog
from storage.ports.offsets import OffsetStore
from tests.memory.stores import memory_stores

PARTITIONS = 2
UNKNOWN = bytes.fromhex("0197630507a0090393010203")
"""An event of a kind that does not exist."""
CONSUMERS = tuple(name for names in ALL_CONSUMERS.values() for name in names)


async def all_parts() -> frozenset[int]:
    """All parts of tweets and users, for counters that share with nobody."""
    return frozenset(range(COUNT_PARTS))


class Engine:
    """One of everything, each stepped by the test."""

    def __init__(self, limits: Limits = SMALL, users: Iterable[User] = ()) -> None:
        self.limits = limits
        self.clock = ManualClock()
        stores = memory_stores(self.clock, limits, partitions=PARTITIONS, users=users)
        self.ports, self.tables, self.redis = stores.ports, stores.tables, stores.redis
        self._ids = IdGenerator(1, self.clock, after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)

    @property
    def cache(self) -> CacheStore:
        return self.ports.cache

    @property
    def log(self) -> EventLog:
        return self.ports.log

    @property
    def offsets(self) -> OffsetStore:
        return self.ports.offsets

    def shard(self, name: str = "fanout-0") -> FanoutShard:
        return FanoutShard(name, self.ports, self.clock, self.limits, PARTITIONS)

    def threshold(self) -> PullThreshold:
        return PullThreshold(self.ports, self.clock, self.limits)

    def counters(self, parts: Parts = all_parts) -> LogConsumer:
        handlers = counters_handlers(
            self.ports, self.clock, self.limits, self.threshold(), LeasedIds(self.ports.coordination, self.clock)
        )
        return LogConsumer(COUNTERS, handlers, parts, self.ports, self.clock, self.limits, PARTITIONS)

    def reconciler(self) -> Reconciler:
        return Reconciler(CONSUMERS, self.ports, self.clock, self.limits, PARTITIONS)

    def guard(self) -> StalenessGuard:
        events, coordination = self.ports.events, self.ports.coordination
        return StalenessGuard(events, coordination, self.clock, self.limits, PARTITIONS, self.time_passes)

    async def time_passes(self, seconds: float) -> None:
        self.clock.advance(round(seconds * 1000))

    async def own_all(self, shard: str = "fanout-0") -> None:
        """Give every range to one shard."""
        owners = await self.ports.coordination.range_owners()
        for range_ in range(RANGES):
            assert await self.ports.coordination.set_range_owner(range_, owners.get(range_), shard)

    async def happened(self, event: Event, *, append: bool = True) -> None:
        """Commit an event and (unless the command dies just then) append it."""
        await self.ports.events.commit(event)
        if append:
            await self.log.append([event])

    async def post(self, author: int, text: str = "hello", *, append: bool = True) -> int:
        id_ = self.next_id()
        event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(author), text=text)
        await self.happened(event, append=append)
        return id_

    async def retweet(self, user: int, tweet: int, author: int) -> int:
        id_ = self.next_id()
        await self.happened(
            Retweeted(
                event_id=EventId(id_),
                stamp_us=stamp_us(id_),
                user=UserId(user),
                tweet_id=TweetId(tweet),
                author=UserId(author),
            )
        )
        return id_

    async def like(self, user: int, tweet: int) -> Liked:
        id_ = self.next_id()
        event = Liked(event_id=EventId(id_), stamp_us=stamp_us(id_), user=UserId(user), tweet_id=TweetId(tweet))
        await self.happened(event)
        return event

    async def follow(self, user: int, followee: int, *, append: bool = True) -> int:
        id_ = self.next_id()
        event = Followed(event_id=EventId(id_), stamp_us=stamp_us(id_), user=UserId(user), followee=UserId(followee))
        await self.happened(event, append=append)
        return id_

    async def unfollow(self, user: int, followee: int, since: int) -> None:
        id_ = self.next_id()
        await self.happened(
            Unfollowed(
                event_id=EventId(id_), stamp_us=stamp_us(id_), user=UserId(user), followee=UserId(followee), since=since
            )
        )

    def append_unknown(self) -> None:
        """Append an event of a kind that only a newer release knows, to every partition."""
        for partition in range(PARTITIONS):
            self.redis.add(partition, UNKNOWN, self.limits.log_entries_max)

    async def open_timeline(self, *users: int) -> None:
        """Give users an empty timeline that is complete, as a read does."""
        for user in users:
            key = ListKey(ListKind.HOME, UserId(user))
            assert await self.cache.begin_list(key, "t")
            assert await self.cache.finish_list(key, "t", EntryList(NO_ENTRIES, 0))

    async def timeline(self, user: int) -> list[int] | None:
        """The entry ids that a timeline holds, repeats included, or None if there is none."""
        (found,), _ = await self.cache.fetch((ListKey(ListKind.HOME, UserId(user)),), ())
        return None if found is None else sorted(found.entries[:, 0].tolist())

    def next_id(self) -> int:
        self.clock.advance(10)
        return self._ids.next()
