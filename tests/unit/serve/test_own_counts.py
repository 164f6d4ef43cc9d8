"""What one did oneself is counted for oneself at once, whichever replica answers; for all others once it is counted."""

from typing import Any

import orjson
import pytest

from domain.counts import CountedSet, TweetCounts, UserCounts
from domain.events import Liked
from domain.ids import EventId, TweetId, UserId
from domain.limits import SMALL
from domain.relations import FOLLOW, LIKE, RETWEET
from domain.segments import Place
from serve.tweets.commands import Draft
from storage import keys, values
from storage.own_acts import acts_from, acts_of
from storage.ports.counts import Member
from storage.values import Counted
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


async def likes(replica: Replica, viewer: UserId, tweet: TweetId) -> tuple[int, bool]:
    shown = orjson.loads(await replica.json(viewer, tweet))
    return shown["likes_count"], shown["liked"]


async def profile(replica: Replica, viewer: UserId, user: UserId) -> UserCounts:
    shown = orjson.loads(await replica.users.user(viewer, user))
    return UserCounts(*(shown[f"{name}_count"] for name in UserCounts._fields))


async def the_counters_come_by(engine: Engine) -> None:
    counters = engine.counters()
    for _ in range(3):
        await counters.step(0)


class Reads:
    """Notes which sets of tweets are counted."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: list[str] = []
        self._members = engine.ports.counts.members
        monkeypatch.setattr(engine.ports.counts, "members", self._noted)

    async def _noted(self, set_: CountedSet, start: Place, end: Place, *, limit: int) -> list[Member]:
        self.names.append(set_.name)
        return await self._members(set_, start, end, limit=limit)


async def test_a_like_is_counted_for_who_likes_at_every_replica_and_for_others_once_it_is_counted() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    tweet = await here.post(ALICE, Draft(text="hello"))
    assert await likes(there, BOB, tweet) == (0, False)
    await here.relations.turn_on(LIKE, BOB, tweet)
    for replica in (here, there):
        assert await likes(replica, BOB, tweet) == (1, True)
        assert await likes(replica, ALICE, tweet) == (0, False)
    await there.relations.turn_off(LIKE, BOB, tweet)
    assert await likes(here, BOB, tweet) == (0, False)
    await there.relations.turn_on(LIKE, BOB, tweet)
    await the_counters_come_by(engine)
    assert await likes(here, ALICE, tweet) == (1, False)


async def test_a_set_is_counted_anew_for_its_reader_only_until_the_counters_have_done_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine()
    reads = Reads(engine, monkeypatch)
    replica = Replica(engine)
    tweet = await replica.post(ALICE, Draft(text="hello"))
    await replica.relations.turn_on(LIKE, BOB, tweet)
    reads.names.clear()
    assert await likes(replica, BOB, tweet) == (1, True)
    assert reads.names == ["likes"], "what the reader did not change is not counted"
    engine.clock.advance(1)
    await the_counters_come_by(engine)
    reads.names.clear()
    assert await likes(replica, BOB, tweet) == (1, True)
    assert reads.names == []


async def test_a_count_that_was_under_way_when_its_reader_acted_is_not_believed() -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet = await replica.post(ALICE, Draft(text="hello"))
    began_us = await engine.cache.now_us()
    engine.clock.advance(5)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    late = values.TWEET_COUNTS.value(Counted.at(TweetCounts(), began_us))
    await engine.cache.put({keys.tweet_counts(tweet): late}, ttl_s=60)
    assert await likes(replica, BOB, tweet) == (1, True)


async def test_follows_are_counted_at_once_on_both_profiles() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    for replica in (here, there):
        assert await profile(replica, BOB, ALICE) == await profile(replica, BOB, BOB) == UserCounts()
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    for replica in (here, there):
        assert await profile(replica, BOB, ALICE) == UserCounts(followers=1)
        assert await profile(replica, BOB, BOB) == UserCounts(following=1)
    await there.relations.turn_off(FOLLOW, BOB, ALICE)
    assert await profile(here, BOB, ALICE) == await profile(here, BOB, BOB) == UserCounts()


async def test_replies_quotes_retweets_and_deletes_are_counted_at_once() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    tweet = await here.post(ALICE, Draft(text="hello"))
    assert (await profile(there, BOB, BOB)).tweets == 0
    reply = await here.post(BOB, Draft(text="hello back", reply_to=tweet))
    quote = await there.post(BOB, Draft(text="look", quote_of=tweet))
    await here.relations.turn_on(RETWEET, BOB, tweet)

    async def shown() -> list[int]:
        tweet_json = orjson.loads(await there.json(BOB, tweet))
        counts = [tweet_json[f"{name}_count"] for name in ("replies", "quotes", "retweets")]
        return [*counts, (await profile(here, BOB, BOB)).tweets]

    assert await shown() == [1, 1, 1, 2]
    await here.commands.delete(BOB, reply)
    await here.commands.delete(BOB, quote)
    await there.relations.turn_off(RETWEET, BOB, tweet)
    assert await shown() == [0, 0, 0, 0]


async def popular_tweet(engine: Engine, replica: Replica) -> tuple[TweetId, int]:
    """A tweet with very many likes, which are counted, and how many."""
    tweet, many = await replica.post(ALICE, Draft(text="popular")), 8 * SMALL.segment_max
    for user in range(5_000, 5_000 + many):
        await engine.like(user, tweet)
    await the_counters_come_by(engine)
    return tweet, many


async def test_of_a_large_set_only_where_its_reader_acted_is_counted_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet, many = await popular_tweet(engine, replica)
    assert await likes(replica, BOB, tweet) == (many, False)
    engine.clock.advance(1)
    measured, members = list[int](), engine.ports.counts.members

    async def noted(*args: Any, limit: int) -> list[Member]:
        found = await members(*args, limit=limit)
        measured.append(len(found))
        return found

    monkeypatch.setattr(engine.ports.counts, "members", noted)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    assert await likes(replica, BOB, tweet) == (many + 1, True)
    assert await likes(replica, ALICE, tweet) == (many, False)
    await replica.relations.turn_off(LIKE, BOB, tweet)
    assert await likes(replica, BOB, tweet) == (many, False)
    assert 0 < max(measured) <= 2 * SMALL.segment_max
    await replica.relations.turn_on(LIKE, BOB, tweet)
    engine.clock.advance(1)
    await the_counters_come_by(engine)
    measured.clear()
    assert await likes(replica, BOB, tweet) == (many + 1, True)
    assert measured == [], "the counters have come by"


async def test_a_large_set_whose_counts_left_the_cache_is_as_last_counted_and_right_for_who_acted() -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet, many = await popular_tweet(engine, replica)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await engine.cache.drop([keys.tweet_counts(tweet)])
    assert await likes(replica, ALICE, tweet) == (many, False), "the counters have not come by"
    assert await likes(replica, BOB, tweet) == (many + 1, True)
    await the_counters_come_by(engine)
    assert await likes(replica, ALICE, tweet) == (many + 1, False)


async def test_who_liked_much_at_once_sees_all_of_it_and_has_little_of_it_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine()
    reads = Reads(engine, monkeypatch)
    replica = Replica(engine)
    tweets = [await replica.post(ALICE, Draft(text=f"number {number}")) for number in range(40)]
    for tweet in tweets:
        await replica.relations.turn_on(LIKE, BOB, tweet)
    reads.names.clear()
    reader = await replica.readers.tweets(BOB)
    await reader.read(tweets)
    assert {counts.likes for counts in (await reader.counts(tweets)).values()} == {1}
    assert reads.names == ["likes"] * 16


async def test_a_like_that_redis_was_not_told_of_is_counted_for_who_likes_at_every_replica() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    tweet = await here.post(ALICE, Draft(text="hello"))
    assert await likes(there, BOB, tweet) == (0, False)
    assert await profile(there, BOB, ALICE) == UserCounts(tweets=1)
    here.cache.deaf = True
    await here.relations.turn_on(LIKE, BOB, tweet)
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    here.cache.deaf = False
    for replica in (here, there):
        assert await likes(replica, BOB, tweet) == (1, True)
        assert await profile(replica, BOB, ALICE) == UserCounts(followers=1, tweets=1)


async def test_a_like_whose_first_try_got_no_answer_is_counted_after_the_second() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    replica.events.unanswered = 1
    with pytest.raises(Exception, match="no answer in time"):
        await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    assert await likes(replica, BOB, tweet) == (1, True)


async def test_the_newest_acts_are_noted_each_once() -> None:
    engine = Engine()
    for number in range(SMALL.own_acts_max + 3):
        event = Liked(event_id=EventId(number + 1), stamp_us=7, user=BOB, tweet_id=TweetId(number))
        for _ in range(2):
            await engine.cache.note(keys.own_acts(BOB), acts_of(event, repeated=False))
    _, (noted,) = await engine.cache.fetch((), (keys.own_acts(BOB),))
    assert noted is not None
    assert sorted(acts_from(noted)) == list(range(3, SMALL.own_acts_max + 3))
    assert {(act.name, act.change) for acts in acts_from(noted).values() for act in acts} == {("likes", 1)}
