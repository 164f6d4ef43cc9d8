"""A changed display name shows on the next read everywhere, whatever Redis lost and whoever died."""

from collections.abc import Sequence

import orjson
from typing_extensions import override

from domain.events import ProfileEdited
from domain.ids import EventId, TweetId, UserId
from domain.limits import SMALL
from domain.relations import FOLLOW
from domain.users import User
from serve.tweets.commands import Draft
from storage import keys
from storage.ports.cache import ListKey
from tests.memory.users import MemoryUserStore
from tests.simulation.stores import EVERYBODY
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


class Counted(MemoryUserStore):
    """Users whose readings are counted."""

    reads = 0

    @override
    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        self.reads += 1
        return await super().users(ids)


class Two:
    """Two replicas on one cache, on which Bob reads a tweet of Alice."""

    tweet: TweetId

    def __init__(self) -> None:
        self.engine = Engine()
        self.people = Counted(self.engine.tables, EVERYBODY)
        self.here, self.there = Replica(self.engine, self.people), Replica(self.engine, self.people)

    async def begin(self) -> None:
        self.tweet = await self.here.post(ALICE, Draft(text="hello"))
        await self.here.relations.turn_on(FOLLOW, BOB, ALICE)
        await self.everywhere()

    async def everywhere(self) -> set[str]:
        """The names under which Alice is shown: home, tweet, thread, likers' and users' lists, at both replicas."""
        names: set[str] = set()
        for replica in (self.here, self.there):
            home = orjson.loads(await replica.timelines.home(BOB, None, 5))
            names.add(home["tweets"][0]["author"]["name"])
            names.add(orjson.loads(await replica.tweets.tweet(None, self.tweet))["author"]["name"])
            names.add(orjson.loads(await replica.threads.page(BOB, self.tweet, None, None))["tweet"]["author"]["name"])
            names.add(orjson.loads(await replica.users.user(BOB, ALICE))["name"])
            names.add(orjson.loads(await replica.pages.targets(None, FOLLOW, BOB, None, 5))["users"][0]["name"])
        return names

    async def renamed(self, name: str) -> ProfileEdited:
        """Have Alice's name changed in Cassandra, as by a command that died there."""
        id_ = self.engine.next_id()
        stamp = self.engine.clock.now_ms() * 1000
        event = ProfileEdited(event_id=EventId(id_), stamp_us=stamp, user=ALICE, name=name)
        await self.engine.ports.events.commit(event)
        self.engine.clock.advance(1)
        return event


async def test_a_changed_name_shows_on_the_next_read_at_every_replica() -> None:
    two = Two()
    await two.begin()
    for number in range(3):
        await two.there.people.edit(ALICE, {"name": f"Alice {number}"})
        assert await two.everywhere() == {f"Alice {number}"}


async def test_people_are_read_once_and_then_from_memory() -> None:
    two = Two()
    await two.begin()
    await two.everywhere()
    fetched: list[str] = []
    fetch = two.here.cache.fetch

    async def counted(lists: Sequence[ListKey], cached: Sequence[str]) -> object:
        fetched.extend(cached)
        return await fetch(lists, cached)

    two.engine.cache.fetch = counted  # type: ignore[method-assign,assignment]
    reads = two.people.reads
    for replica in (two.here, two.there):
        await replica.shown(BOB)
    assert two.people.reads == reads
    assert keys.user(ALICE) not in fetched, "no trip was made for the author"


async def test_a_name_that_changed_while_redis_was_lost_shows() -> None:
    two = Two()
    await two.begin()
    await two.there.people.edit(ALICE, {"name": "Alicia"})
    two.engine.redis.flush()
    assert await two.everywhere() == {"Alicia"}
    await two.here.people.edit(ALICE, {"name": "Ally"})
    assert await two.everywhere() == {"Ally"}


async def test_more_changes_than_the_feed_keeps_show() -> None:
    two = Two()
    await two.begin()
    await two.there.people.edit(ALICE, {"name": "Alicia"})
    for _ in range(SMALL.changes_max):
        await two.engine.cache.drop((keys.user(BOB),))
    assert await two.everywhere() == {"Alicia"}


async def test_a_command_that_died_before_the_feed_was_written_is_made_up_for_by_the_consumer() -> None:
    two = Two()
    await two.begin()
    event = await two.renamed("Alicia")
    await two.engine.log.append([event])
    assert await two.everywhere() == {f"User {ALICE}"}, "nobody was told"
    await the_consumer_comes_by(two.engine)
    assert await two.everywhere() == {"Alicia"}


async def test_a_change_that_redis_did_not_take_shows_because_it_is_suspect() -> None:
    two = Two()
    await two.begin()
    event = await two.renamed("Alicia")
    two.here.cache.deaf = True
    await two.here.publisher.invalidate(event)
    two.here.cache.deaf = False
    assert await two.everywhere() == {"Alicia"}


async def test_while_redis_is_away_people_are_read_from_cassandra() -> None:
    two = Two()
    await two.begin()
    two.here.cache.away = two.there.cache.away = True
    await two.renamed("Alicia")
    assert await two.everywhere() == {"Alicia"}


async def test_what_was_fetched_while_it_changed_is_not_kept() -> None:
    two = Two()
    await two.begin()
    people = two.here.readers.people
    users = two.people.users

    async def overtaken(ids: Sequence[UserId]) -> dict[UserId, User]:
        found = await users(ids)
        two.people.users = users  # type: ignore[method-assign]
        await two.there.people.edit(ALICE, {"name": "Alicia"})
        await people.fetch([], [])
        return found

    await two.engine.cache.drop((keys.user(ALICE),))
    two.people.users = overtaken  # type: ignore[method-assign]
    await two.here.shown(BOB)
    assert await two.everywhere() == {"Alicia"}


async def test_a_user_who_was_looked_up_before_they_signed_up_is_found_afterwards() -> None:
    two = Two()
    await two.begin()
    late = UserId(4_711)
    assert late not in await two.here.readers.people.known((late,))
    users = two.people.users

    async def signed_up(ids: Sequence[UserId]) -> dict[UserId, User]:
        return await users(ids) | {late: User(id=late, username="late", name="Late")}

    two.people.users = signed_up  # type: ignore[method-assign]
    assert late in await two.here.readers.people.known((late,))


async def the_consumer_comes_by(engine: Engine) -> None:
    counters = engine.counters()
    for _ in range(3):
        await counters.step(0)
