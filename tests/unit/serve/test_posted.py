"""The answer to a post is made of what is known of it, and is what a read right afterwards shows."""

import pytest

from domain.ids import UserId
from domain.relations import LIKE
from serve.tweets.commands import Draft, Posted
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


async def both(replica: Replica, author: UserId, posted: Posted) -> tuple[bytes, bytes]:
    return await replica.tweets.posted(author, posted), await replica.json(author, posted.id)


@pytest.mark.parametrize("text", ["hello", '#One and @two, a\nline \U0001f600 "quoted" \\ https://example.org/a?b=c'])
async def test_what_is_known_is_what_is_read(text: str) -> None:
    replica = Replica()
    parent = await replica.post(BOB, Draft(text="a question"))
    for draft in (
        Draft(text=text),
        Draft(text=text, location="Köln"),
        Draft(text=text, reply_to=parent),
        Draft(text=text, quote_of=parent),
        Draft(text=text, reply_to=parent, quote_of=parent),
    ):
        posted = await replica.commands.post(ALICE, draft)
        assert posted.record is not None
        known, read = await both(replica, ALICE, posted)
        assert known == read


async def test_the_author_is_named_as_now() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    await here.post(ALICE, Draft(text="hello"))
    await there.people.edit(ALICE, {"name": "A new name"})
    posted = await here.commands.post(ALICE, Draft(text="hello again"))
    assert b'"A new name"' in await here.tweets.posted(ALICE, posted)


async def test_what_a_key_made_before_is_read() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"), "once")
    await replica.relations.turn_on(LIKE, ALICE, tweet)
    again = await replica.commands.post(ALICE, Draft(text="hello"), "once")
    assert again == Posted(tweet)
    assert b'"liked":true' in await replica.tweets.posted(ALICE, again)


@pytest.mark.parametrize("away", [False, True])
async def test_while_redis_may_lack_something_the_tweet_is_read(away: bool) -> None:
    engine = Engine()
    replica = Replica(engine)
    replica.cache.away = True
    assert await replica.shown(ALICE) == [], "and so it is known that Redis does not answer"
    replica.cache.away = away
    posted = await replica.commands.post(ALICE, Draft(text="hello"))
    assert posted == Posted(posted.id)
    known, read = await both(replica, ALICE, posted)
    assert known == read
