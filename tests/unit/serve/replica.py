"""The use cases of one replica on stores in memory, and stores that fail."""

import itertools
from collections.abc import Sequence
from typing import Any

import orjson
from typing_extensions import override

from domain.errors import StoreUnavailable
from domain.events import Event
from domain.ids import IdGenerator, TweetId, UserId
from domain.limits import SMALL, Limits
from domain.timeline import EntryList
from serve.commands import Commands
from serve.publisher import Publisher
from serve.reading.guarded_cache import GuardedCache
from serve.reading.readers import Readers
from serve.timelines.home import HomeTimelines
from serve.timelines.home_lists import HomeLists
from serve.timelines.pulled_authors import PulledAuthors
from serve.timelines.queries import TimelineQueries
from serve.timelines.rebuild import Rebuilder
from serve.tweets.queries import TweetQueries
from serve.users.queries import UserQueries
from storage.memory.hot_cache import MemoryCacheStore
from storage.memory.truth import MemoryEventStore
from storage.ports.cache import Changes, ListKey
from tests.simulation.stores import USERS, Keys, People
from tests.unit.actors.engine import PARTITIONS, Engine

ALICE, BOB = (UserId(id_) for id_ in sorted(USERS)[:2])


class SlowEvents(MemoryEventStore):
    """Commits, and now and then takes too long to say so."""

    unanswered = 0

    @override
    async def commit(self, event: Event) -> None:
        await super().commit(event)
        if self.unanswered:
            self.unanswered -= 1
            raise StoreUnavailable("cassandra", "no answer in time")


class DeafCache(MemoryCacheStore):
    """Answers, but for a while takes no order to forget, or does not answer at all."""

    deaf = False
    away = False

    @override
    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str]
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        self._check(self.away)
        return await super().fetch(lists, keys)

    @override
    async def fetch_with_changes(self, keys: Sequence[str], after: str) -> tuple[list[bytes | None], Changes]:
        self._check(self.away)
        return await super().fetch_with_changes(keys, after)

    @override
    async def drop(self, keys: Sequence[str]) -> None:
        self._check(self.deaf)
        await super().drop(keys)

    def _check(self, failing: bool) -> None:
        if failing:
            raise StoreUnavailable("redis", "no answer in time")


_workers = itertools.count(2)


class Replica:
    """Commands and reads of one process."""

    def __init__(self, engine: Engine | None = None, people: People | None = None, limits: Limits = SMALL) -> None:
        engine = engine or Engine()
        self.cache = engine.cache = DeafCache(engine.redis, limits)
        truth, clock, people = engine.truth, engine.clock, people or People()
        self.events = SlowEvents(truth.tables, PARTITIONS)
        guard = engine.guard()
        cache = GuardedCache(engine.cache, guard)
        self.readers = Readers(cache, truth.tweets, people, truth.relations, truth.counts, guard, limits)
        pulled = PulledAuthors(truth.coordination, clock, limits)
        rebuilder = Rebuilder(cache, truth.tweets, limits)
        lists = HomeLists(cache, self.readers.relations, rebuilder, pulled, guard, clock, limits)
        self.timelines = TimelineQueries(HomeTimelines(lists, truth.tweets), self.readers, truth.tweets, limits)
        self.tweets = TweetQueries(self.readers, truth.tweets, limits)
        self.users = UserQueries(self.readers, people, truth.relations, limits)
        self.publisher = Publisher(self.events, engine.cache, engine.log, guard)
        ids = IdGenerator(next(_workers), clock, after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)

        async def turn() -> None:
            clock.advance(1)

        self.commands = Commands(
            self.publisher,
            truth.tweets,
            truth.relations,
            Keys(turn),
            self.readers,
            ids,
            clock,
            limits,
        )

    async def shown(self, viewer: UserId) -> list[int]:
        page: dict[str, Any] = orjson.loads(await self.timelines.home(viewer, None, 5))
        return [int(tweet["id"]) for tweet in page["tweets"]]

    async def json(self, viewer: UserId, tweet: TweetId) -> bytes:
        return await self.tweets.tweet(viewer, tweet)
