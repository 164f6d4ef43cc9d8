"""Readers of a tweet: who they are is decided when it is posted, and what is not for everybody is shared by nobody."""

import orjson
import pytest
from typing_extensions import override

from actors.consumers.fanout_shard import FanoutShard
from domain.errors import Conflict, Forbidden, Invalid, NotFound
from domain.events import AnyEvent, TweetDeleted, TweetPosted, UnknownEvent, decode
from domain.ids import ID_MAX, EventId, TweetId, UserId
from domain.public_events import is_public
from domain.relations import FOLLOW, RETWEET
from domain.tweets import Visibility
from serve.tweets.commands import Draft
from serve.users.commands import UserCommands
from storage.ports.cache import ListKey, ListKind
from storage.rows import MINUTE_MS, PUBLIC_FEED, hashtag_feed
from tests.memory.users import MemoryUserStore
from tests.simulation.stores import EVERYBODY, USERS
from tests.unit.actors.engine import PARTITIONS, Engine
from tests.unit.serve.replica import ALICE, BOB, Replica

CAROL = UserId(sorted(USERS)[2])
PUBLIC, FOLLOWERS, MENTIONED = Visibility


def at(user: UserId) -> str:
    return f"@u{user}"


async def made(engine: Engine) -> list[AnyEvent]:
    """Every event that was committed, in order."""
    found: dict[EventId, AnyEvent] = {}
    now = engine.clock.now_ms() // MINUTE_MS
    for minute in range(now - 1, now + 2):
        for partition in range(PARTITIONS):
            for id_, body in await engine.ports.events.events_of(minute, partition, after=EventId(0), limit=100):
                event = decode(body)
                assert not isinstance(event, UnknownEvent)
                found[id_] = event
    return [event for _, event in sorted(found.items())]


async def go(replica: Replica, user: UserId, *, private: bool) -> None:
    await replica.use_cases.get(UserCommands).change_settings(user, private, {})


async def visibility(replica: Replica, reader: UserId, tweet: TweetId) -> object:
    return orjson.loads(await replica.json(reader, tweet))["visibility"]


@pytest.mark.parametrize("chosen", [None, *Visibility])
async def test_a_tweet_has_the_visibility_that_its_author_chose(chosen: Visibility | None) -> None:
    replica = Replica()
    posted = await replica.commands.post(ALICE, Draft(text=f"hello {at(BOB)}", visibility=chosen))
    expected = (chosen or PUBLIC).label
    assert await visibility(replica, ALICE, posted.id) == expected
    assert orjson.loads(await replica.tweets.posted(ALICE, posted))["visibility"] == expected


async def test_those_whom_a_tweet_mentions_are_found_by_name_up_to_a_bound() -> None:
    engine = Engine()
    replica = Replica(engine)
    await replica.post(ALICE, Draft(text=f"{at(BOB)} @nobody {at(CAROL).upper()} {at(BOB)}"))
    many = " ".join([*(f"@x{n}" for n in range(9)), at(BOB), at(CAROL)])
    await replica.post(ALICE, Draft(text=many, visibility=MENTIONED))
    posted = [event for event in await made(engine) if isinstance(event, TweetPosted)]
    assert [event.mention_ids for event in posted] == [(BOB, CAROL), (BOB,)]


async def test_a_tweet_without_mentions_asks_for_nobody() -> None:
    engine = Engine()

    class Deaf(MemoryUserStore):
        @override
        async def by_username(self, username: str) -> UserId | None:
            raise AssertionError(username)

    replica = Replica(engine, Deaf(engine.tables, EVERYBODY))
    assert await replica.post(ALICE, Draft(text="hello", visibility=MENTIONED))


@pytest.mark.parametrize("widest", Visibility)
async def test_a_reply_takes_the_visibility_of_its_parent_or_a_narrower_one(widest: Visibility) -> None:
    engine = Engine()
    replica = Replica(engine)
    parent = await replica.post(ALICE, Draft(text="hello", visibility=widest))
    reply = await replica.post(ALICE, Draft(text="more", reply_to=parent))
    assert await visibility(replica, ALICE, reply) == widest.label
    for chosen in Visibility:
        draft = Draft(text="more", reply_to=parent, visibility=chosen)
        if chosen < widest:
            with pytest.raises(Invalid) as refused:
                await replica.post(ALICE, draft)
            assert refused.value.fields == (
                ("visibility", f"is wider than that of what it replies to, {widest.label}"),
            )
        else:
            assert await visibility(replica, ALICE, await replica.post(ALICE, draft)) == chosen.label


async def test_a_reply_for_those_whom_it_mentions_is_for_its_parents_author_too() -> None:
    engine = Engine()
    replica = Replica(engine)
    parent = await replica.post(ALICE, Draft(text=f"hello {at(BOB)}", visibility=MENTIONED))
    await replica.post(BOB, Draft(text=f"hello {at(CAROL)}", reply_to=parent))
    reply = (await made(engine))[-1]
    assert isinstance(reply, TweetPosted)
    assert reply.mention_ids == (CAROL, ALICE)


@pytest.mark.parametrize("narrow", [FOLLOWERS, MENTIONED])
@pytest.mark.parametrize("by", [ALICE, BOB])
async def test_what_is_not_for_everybody_is_neither_retweeted_nor_quoted(narrow: Visibility, by: UserId) -> None:
    replica = Replica()
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    tweet = await replica.post(ALICE, Draft(text=f"hello {at(BOB)}", visibility=narrow))
    with pytest.raises(Forbidden) as refused:
        await replica.relations.turn_on(RETWEET, by, tweet)
    assert refused.value.code == "not_public"
    with pytest.raises(Forbidden):
        await replica.post(by, Draft(text="look", quote_of=tweet))


async def test_tweets_of_a_private_account_are_not_shared_while_it_is_private() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    await replica.relations.turn_on(RETWEET, BOB, tweet)
    await go(replica, ALICE, private=True)
    for by in (ALICE, BOB):
        with pytest.raises(Forbidden):
            await replica.relations.turn_on(RETWEET, by, tweet)
        with pytest.raises(Forbidden):
            await replica.post(by, Draft(text="look", quote_of=tweet))
    await replica.relations.turn_off(RETWEET, BOB, tweet)
    await go(replica, ALICE, private=False)
    await replica.relations.turn_on(RETWEET, BOB, tweet)
    assert await replica.post(BOB, Draft(text="look", quote_of=tweet))


async def test_what_one_may_not_see_is_nothing_to_reply_to_share_or_delete() -> None:
    replica = Replica()
    tweets = [await replica.post(ALICE, Draft(text="hello", visibility=each)) for each in (FOLLOWERS, MENTIONED)]
    for tweet in tweets:
        for draft in (Draft(text="what?", reply_to=tweet), Draft(text="look", quote_of=tweet)):
            with pytest.raises(NotFound):
                await replica.post(BOB, draft)
        with pytest.raises(NotFound):
            await replica.relations.turn_on(RETWEET, BOB, tweet)
        with pytest.raises(NotFound):
            await replica.commands.delete(BOB, tweet)
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    with pytest.raises(Forbidden) as refused:
        await replica.commands.delete(BOB, tweets[0])
    assert refused.value.code == "not_your_tweet"


async def test_another_visibility_under_the_same_key_is_another_draft() -> None:
    replica = Replica()
    first = await replica.post(ALICE, Draft(text="hello", visibility=FOLLOWERS), "once")
    assert await replica.post(ALICE, Draft(text="hello", visibility=FOLLOWERS), "once") == first
    for other in (None, PUBLIC, MENTIONED):
        with pytest.raises(Conflict):
            await replica.post(ALICE, Draft(text="hello", visibility=other), "once")


def test_a_draft_that_says_nothing_of_it_has_the_digest_that_it_always_had() -> None:
    digest = Draft(text="hello", reply_to=TweetId(1), location="Bern").hash().hex()
    assert digest == "7aea4980fa3e41169b2322665b9f1b4003d0a4d00c1e373b4e7e4da1fbe98a51"


async def test_what_a_key_made_is_published_again_as_it_was() -> None:
    engine = Engine()
    replica = Replica(engine)
    await go(replica, ALICE, private=True)
    draft = Draft(text=f"hello {at(BOB)}", visibility=MENTIONED)
    await replica.post(ALICE, draft, "once")
    await go(replica, ALICE, private=False)
    (before,) = [event for event in await made(engine) if isinstance(event, TweetPosted)]
    await replica.post(ALICE, draft, "once")
    assert [event for event in await made(engine) if isinstance(event, TweetPosted)] == [before]
    assert before.mention_ids == (BOB,)
    assert before.protected


@pytest.mark.parametrize("private", [False, True])
async def test_data_teams_are_told_of_what_everybody_could_see_when_it_was_posted_and_of_its_end(private: bool) -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    await here.post(ALICE, Draft(text="what this replica knows of her is read"))
    await go(there, ALICE, private=private)
    tweets = [await here.post(ALICE, Draft(text="hello", visibility=each)) for each in Visibility]
    await go(there, ALICE, private=not private)
    for tweet in tweets:
        await here.commands.delete(ALICE, tweet)
    events = await made(engine)
    of = [[is_public(event) for event in events if _about(event) == tweet] for tweet in tweets]
    assert of == [[not private] * 2, [False] * 2, [False] * 2]


async def test_only_tweets_for_everybody_stand_in_feeds() -> None:
    engine = Engine()
    replica = Replica(engine)
    await go(replica, ALICE, private=True)
    public = await replica.post(ALICE, Draft(text="hello #tag"))
    others = [await replica.post(ALICE, Draft(text="hello #tag", visibility=each)) for each in (FOLLOWERS, MENTIONED)]
    feeds = (PUBLIC_FEED, hashtag_feed("tag"))
    for feed in feeds:
        assert await engine.ports.tweets.feed(feed, before=ID_MAX, limit=9) == [(public, ALICE)]
    for tweet in (public, *others):
        await replica.commands.delete(ALICE, tweet)
    for feed in feeds:
        assert await engine.ports.tweets.feed(feed, before=ID_MAX, limit=9) == []


async def test_home_timelines_are_given_what_followers_may_read() -> None:
    engine = Engine()
    await engine.own_all()
    shard, replica = engine.shard(), Replica(engine)
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    await _stepped(shard)
    await engine.open_timeline(ALICE, BOB)
    tweets = [await replica.post(ALICE, Draft(text=f"hello {at(BOB)}", visibility=each)) for each in Visibility]
    await _stepped(shard)
    assert await engine.timeline(BOB) == tweets[:2]
    assert shard.queue == 0
    await engine.cache.unlink([ListKey(ListKind.HOME, BOB)])
    assert await replica.shown(BOB) == tweets[1::-1], "rebuilt from all that its author wrote"
    assert await replica.shown(ALICE) == tweets[::-1]


async def _stepped(shard: FanoutShard) -> None:
    for _ in range(4):
        await shard.step(0)


def _about(event: AnyEvent) -> int:
    return event.tweet_id if isinstance(event, TweetPosted | TweetDeleted) else 0
