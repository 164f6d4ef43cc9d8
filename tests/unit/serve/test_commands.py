"""Authors read their own write, also if only a second try was answered."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import orjson
import pytest
from typing_extensions import override

from domain.errors import Conflict, Invalid, NotFound, StoreUnavailable
from domain.events import Event
from domain.ids import IdGenerator, TweetId, UserId
from domain.limits import SMALL
from domain.relations import FOLLOW, LIKE
from domain.timeline import EntryList
from serve.composition import compose
from serve.hydration import Hydrator
from serve.lists import Queries
from serve.relations.commands import RelationCommands
from serve.tweets.commands import Draft, TweetCommands
from storage.memory.hot_cache import MemoryCacheStore
from storage.memory.truth import MemoryEventStore
from storage.ports.cache import ListKey
from storage.ports.coordination import DOUBTED
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
        if self.away:
            raise StoreUnavailable("redis", "no answer in time")
        return await super().fetch(lists, keys)

    @override
    async def drop(self, keys: Sequence[str]) -> None:
        if self.deaf:
            raise StoreUnavailable("redis", "no answer in time")
        await super().drop(keys)


_workers = itertools.count(2)


class Replica:
    """Commands and reads of one process."""

    def __init__(self, engine: Engine | None = None) -> None:
        engine = engine or Engine()
        self.cache = engine.cache = DeafCache(engine.redis, SMALL)
        clock = engine.clock
        self.events = SlowEvents(engine.truth.tables, PARTITIONS)
        ids = IdGenerator(next(_workers), clock, after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)

        async def turn() -> None:
            clock.advance(1)

        ports = replace(engine.ports, events=self.events, users=People(), idempotency=Keys(turn))
        use_cases = compose(ports, clock, SMALL, ids, partitions=PARTITIONS, sleep=engine.time_passes)
        self.commands = use_cases.get(TweetCommands)
        self.relations = use_cases.get(RelationCommands)
        self.queries = use_cases.get(Queries)
        self.hydrator = use_cases.get(Hydrator)

    async def shown(self, viewer: UserId) -> list[int]:
        page = orjson.loads(await self.queries.home(viewer, None, 5))
        return [int(tweet["id"]) for tweet in page["tweets"]]

    async def json(self, viewer: UserId, tweet: TweetId) -> bytes:
        reading = await self.hydrator.reading(viewer)
        await reading.read([tweet])
        (found,) = await reading.json([tweet])
        return found


async def test_a_like_whose_first_try_got_no_answer_shows_after_the_second() -> None:
    replica = Replica()
    tweet = await replica.commands.post(ALICE, Draft(text="hello"))
    assert b'"liked":false' in await replica.json(BOB, tweet)
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    assert b'"liked":true' in await replica.json(BOB, tweet)
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_off(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, BOB, tweet)
    assert b'"liked":false' in await replica.json(BOB, tweet)


async def test_a_follow_whose_first_try_got_no_answer_shows_after_the_second() -> None:
    replica = Replica()
    tweet = await replica.commands.post(ALICE, Draft(text="hello"))
    assert await replica.shown(BOB) == []
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    assert await replica.shown(BOB) == [tweet]


async def test_a_tweet_whose_first_try_got_no_answer_is_its_authors_after_the_second_and_there_once() -> None:
    replica = Replica()
    assert await replica.shown(ALICE) == []
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    tweet = await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.shown(ALICE) == [tweet]


async def test_a_tweet_is_gone_after_a_delete_whose_first_try_got_no_answer() -> None:
    replica = Replica()
    tweet = await replica.commands.post(ALICE, Draft(text="hello"))
    assert await replica.shown(ALICE) == [tweet]
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.commands.delete(ALICE, tweet)
    with pytest.raises(NotFound):
        await replica.commands.delete(ALICE, tweet)
    assert await replica.shown(ALICE) == []


async def test_what_redis_could_not_be_told_to_forget_is_not_believed() -> None:
    replica = Replica()
    tweet = await replica.commands.post(ALICE, Draft(text="hello"))
    assert b'"liked":false' in await replica.json(BOB, tweet)
    replica.cache.deaf = True
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.commands.delete(ALICE, await replica.commands.post(ALICE, Draft(text="gone")))
    replica.cache.deaf = False
    assert b'"liked":true' in await replica.json(BOB, tweet)
    assert await replica.shown(ALICE) == [tweet]


async def test_what_was_seen_while_redis_was_away_every_replica_shows_when_it_is_back() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    assert await here.shown(BOB) == []
    tweet = await engine.post(ALICE, append=False)
    assert await there.shown(BOB) == [], "nobody pushed it"
    here.cache.away = True
    assert await here.shown(BOB) == [tweet]
    here.cache.away = False
    assert await here.shown(BOB) == [tweet]
    assert await there.shown(BOB) == [tweet]


async def test_a_follow_that_redis_was_not_told_of_shows_what_was_there_before_at_every_replica() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    tweet = await here.commands.post(ALICE, Draft(text="hello"))
    assert await there.shown(BOB) == []
    here.cache.deaf = True
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    here.cache.deaf = False
    assert await there.shown(BOB) == [tweet]


async def test_a_second_try_does_not_bring_back_what_was_taken_away() -> None:
    replica = Replica()
    tweet = await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    await replica.commands.delete(ALICE, tweet)
    assert await replica.commands.post(ALICE, Draft(text="hello"), key="once") == tweet
    assert await replica.shown(ALICE) == []
    assert tweet not in await (await replica.hydrator.reading(None)).read([tweet])


async def test_a_refused_reference_spends_no_key() -> None:
    replica = Replica()
    nothing = Draft(text="hello", reply_to=TweetId(4_711))
    with pytest.raises(Invalid):
        await replica.commands.post(ALICE, nothing, key="once")
    tweet = await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.shown(ALICE) == [tweet]


async def test_a_reply_is_there_under_its_key_after_its_parent_was_deleted() -> None:
    replica = Replica()
    parent = await replica.commands.post(BOB, Draft(text="a question"))
    draft = Draft(text="an answer", reply_to=parent)
    reply = await replica.commands.post(ALICE, draft, key="once")
    await replica.commands.delete(BOB, parent)
    assert await replica.commands.post(ALICE, draft, key="once") == reply
    with pytest.raises(Conflict):
        await replica.commands.post(ALICE, Draft(text="another", reply_to=parent), key="once")


async def test_a_claim_whose_process_died_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica()
    with monkeypatch.context() as dying:
        dying.setattr(replica.events, "commit", _dies)
        with pytest.raises(StoreUnavailable):
            await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    tweet = await replica.commands.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.commands.post(ALICE, Draft(text="hello"), key="once") == tweet
    assert await replica.shown(ALICE) == [tweet]


async def _dies(event: Event) -> None:
    raise StoreUnavailable("cassandra", "died before it wrote")


async def test_to_like_again_what_one_likes_for_long_tells_redis_nothing() -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet = await replica.commands.post(ALICE, Draft(text="hello"))
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, ALICE, tweet)
    engine.clock.advance(SMALL.reconcile_trail_minutes * 60_000 + 1)
    replica.cache.deaf = True
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, ALICE, tweet)
    assert await engine.truth.coordination.checkpoint(DOUBTED) is None, "nothing that Redis had to be told"
