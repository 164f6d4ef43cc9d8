"""The use cases of one replica on stores in memory, and stores that fail."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from typing_extensions import override

from domain.errors import StoreUnavailable
from domain.events import Event
from domain.ids import WORKERS_MAX, IdGenerator, TweetId, UserId
from domain.limits import SMALL, Limits
from domain.timeline import EntryList
from serve.composition import compose
from serve.reading.readers import Readers
from serve.relations.commands import RelationCommands
from serve.relations.queries import RelationQueries
from serve.timelines.queries import TimelineQueries
from serve.tweets.commands import Draft, TweetCommands
from serve.tweets.queries import TweetQueries
from serve.tweets.threads import Threads
from serve.users.commands import UserCommands
from serve.users.queries import UserQueries
from serve.writing.publisher import Publisher
from storage.ports.cache import NOTHING_KNOWN, Changes, Known, ListKey
from storage.ports.users import UserStore
from tests.memory.cache import MemoryCacheStore
from tests.memory.events import MemoryEventStore
from tests.memory.idempotency import MemoryIdempotencyStore
from tests.memory.users import MemoryUserStore
from tests.simulation.stores import EVERYBODY, USERS
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
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        self._check(self.away)
        return await super().fetch(lists, keys, known)

    @override
    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        self._check(self.away)
        return await super().fetch_with_changes(lists, keys, after, known)

    @override
    async def drop(self, keys: Sequence[str]) -> None:
        self._check(self.deaf)
        await super().drop(keys)

    def _check(self, failing: bool) -> None:
        if failing:
            raise StoreUnavailable("redis", "no answer in time")


_workers = itertools.cycle(range(2, WORKERS_MAX))


class Replica:
    """Commands and reads of one process."""

    def __init__(self, engine: Engine | None = None, people: UserStore | None = None, limits: Limits = SMALL) -> None:
        self.engine = engine = engine or Engine()
        self.cache = DeafCache(engine.redis, limits)
        engine.ports = replace(engine.ports, cache=self.cache)
        clock = engine.clock
        self.events = SlowEvents(engine.tables, PARTITIONS)
        ids = IdGenerator(next(_workers), clock, after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)

        async def turn() -> None:
            clock.advance(1)

        people, keys = people or MemoryUserStore(engine.tables, EVERYBODY), MemoryIdempotencyStore(turn)
        ports = replace(engine.ports, events=self.events, users=people, idempotency=keys)
        self.use_cases = use_cases = compose(ports, clock, limits, ids, partitions=PARTITIONS, sleep=engine.time_passes)
        self.commands = use_cases.get(TweetCommands)
        self.relations = use_cases.get(RelationCommands)
        self.timelines = use_cases.get(TimelineQueries)
        self.tweets = use_cases.get(TweetQueries)
        self.users = use_cases.get(UserQueries)
        self.people = use_cases.get(UserCommands)
        self.threads = use_cases.get(Threads)
        self.pages = use_cases.get(RelationQueries)
        self.readers = use_cases.get(Readers)
        self.publisher = use_cases.get(Publisher)

    async def post(self, author: UserId, draft: Draft, key: str | None = None) -> TweetId:
        return (await self.commands.post(author, draft, key)).id

    async def shown(self, viewer: UserId) -> list[int]:
        page: dict[str, Any] = orjson.loads(await self.timelines.home(viewer, None, 5))
        return [int(tweet["id"]) for tweet in page["tweets"]]

    async def json(self, viewer: UserId, tweet: TweetId) -> bytes:
        return await self.tweets.tweet(viewer, tweet)
