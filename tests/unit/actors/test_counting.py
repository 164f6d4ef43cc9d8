"""Counters on large sets: shared by parts, taken over by others, killed at any call, and bounded in each turn."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from actors.consumers.log_consumer import LogConsumer, Parts, part_consumer
from actors.registry import COUNTERS
from domain.counts import CountedSet, TweetCounts
from domain.errors import StoreUnavailable
from domain.events import Liked
from domain.ids import COUNT_PARTS, EventId, TweetId, UserId, count_part, stamp_us
from domain.limits import SMALL
from storage import keys, values
from storage.desired_state import parts_of
from storage.ports.counts import Member
from tests.support.counts import tweet_counts
from tests.unit.actors.engine import Engine

ALICE = 1_001
LIMITS = replace(SMALL, segment_max=2)
MANY = range(5_000, 5_040)


async def cached(engine: Engine, tweet: int) -> TweetCounts | None:
    _, (value,) = await engine.cache.fetch((), (keys.tweet_counts(tweet),))
    return None if value is None else values.TWEET_COUNTS.alone(value)


async def turns(*counters: LogConsumer, number: int = 12) -> None:
    for _ in range(number):
        for each in counters:
            await each.step(0)


class Number:
    """How many of the counters are up."""

    def __init__(self, up: int) -> None:
        self.up = up

    def parts_of(self, index: int) -> Parts:
        async def parts() -> frozenset[int]:
            return parts_of(f"counters-{index}", self.up)

        return parts


async def test_each_of_the_counters_counts_its_parts_and_a_change_of_their_number_loses_nothing() -> None:
    engine, number = Engine(LIMITS), Number(1)
    counters = [engine.counters(number.parts_of(index)) for index in range(3)]
    tweets = [await engine.post(ALICE) for _ in range(12)]
    assert len({count_part(tweet) for tweet in tweets}) > 3
    likes = 0
    for up in (1, 2, 3, 1, 3, 2):
        number.up = up
        for tweet in tweets:
            for user in MANY[likes : likes + 3]:
                await engine.like(user, tweet)
        likes += 3
        await turns(*counters, number=4)
        engine.clock.advance(1_000)
        await turns(*counters, number=20)
        assert [await cached(engine, tweet) for tweet in tweets] == [TweetCounts(likes=likes)] * len(tweets)
        ends = {partition: end.last for partition, end in (await engine.log.ends()).items()}
        for part in range(COUNT_PARTS):
            assert await engine.offsets.offsets(part_consumer(COUNTERS, part)) == ends


async def test_counters_that_wake_up_after_others_took_their_parts_change_no_count() -> None:
    engine = Engine(LIMITS)
    tweet = await engine.post(ALICE)
    for user in MANY[:20]:
        await engine.like(user, tweet)
    sleeper, successor = engine.counters(), engine.counters()
    await turns(sleeper)
    keep, late = engine.ports.counts.keep, list[Any]()

    async def falls_asleep(*args: Any) -> None:
        late.append(args)
        raise StoreUnavailable("cassandra", "asleep")

    for user in MANY[20:24]:
        await engine.like(user, tweet)
    engine.ports.counts.keep = falls_asleep  # type: ignore[method-assign,assignment]
    with suppress(StoreUnavailable):
        await sleeper.step(0)
    assert late
    engine.ports.counts.keep = keep  # type: ignore[method-assign]
    for user in MANY[24:30]:
        await engine.like(user, tweet)
    await turns(successor)
    for args in late:
        await keep(*args)
    assert await tweet_counts(engine.ports, tweet) == await cached(engine, tweet) == TweetCounts(likes=30)
    await turns(sleeper, successor)
    await engine.like(MANY[30], tweet)
    engine.clock.advance(1_000)
    await turns(successor)
    assert await tweet_counts(engine.ports, tweet) == await cached(engine, tweet) == TweetCounts(likes=31)


@pytest.mark.parametrize("call", range(40))
async def test_whichever_call_counters_die_at_the_next_count_everything(call: int) -> None:
    class Died(Exception):
        """The process is gone."""

    engine = Engine(LIMITS)
    tweet = await engine.post(ALICE)
    for user in MANY[:6]:
        await engine.like(user, tweet)
    await turns(engine.counters())
    for user in MANY[6:30]:
        await engine.like(user, tweet)
    left = call

    def mortal(method: Any, *, after: bool) -> Any:
        async def called(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == -1 and not after:
                raise Died
            result = await method(*args, **kwargs)
            if left == -1:
                raise Died
            return result

        return called

    methods: list[tuple[object, str]] = [
        *((engine.ports.counts, name) for name in ("branches", "leaves", "members", "keep")),
        *((engine.cache, name) for name in ("lease", "fill", "update", "drop")),
        (engine.offsets, "save"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        for number, (store, name) in enumerate(methods):
            patch.setattr(store, name, mortal(getattr(store, name), after=(call + number) % 2 == 0))
        doomed = engine.counters()
        with suppress(Died):
            await turns(doomed)
    await turns(engine.counters(), number=20)
    assert await tweet_counts(engine.ports, tweet) == TweetCounts(likes=30)
    assert await cached(engine, tweet) in (None, TweetCounts(likes=30))


async def test_a_large_set_that_was_never_counted_is_counted_in_turns_and_only_then_is_it_saved() -> None:
    engine = Engine(LIMITS)
    counters = engine.counters()
    tweet = await engine.post(ALICE)
    await turns(counters)
    for user in range(5_000, 5_600):
        id_ = engine.next_id()
        liked = Liked(event_id=EventId(id_), stamp_us=stamp_us(id_), user=UserId(user), tweet_id=TweetId(tweet))
        await engine.happened(liked, append=False)
    await engine.like(6_000, tweet)
    before = await engine.offsets.offsets(part_consumer(COUNTERS, 0))
    read, members = list[int](), engine.ports.counts.members

    async def noted(set_: CountedSet, *args: Any, limit: int) -> list[Member]:
        found = await members(set_, *args, limit=limit)
        read.append(len(found))
        return found

    engine.ports.counts.members = noted  # type: ignore[method-assign,assignment]
    steps = 0
    while await engine.offsets.offsets(part_consumer(COUNTERS, 0)) == before:
        assert await cached(engine, tweet) in (None, TweetCounts(likes=601, retweets=1))
        read.clear()
        await counters.step(0)
        assert sum(read) <= 250, "a turn is bounded"
        steps += 1
        if steps == 2:
            await engine.retweet(6_000, tweet, ALICE)  # another set of the same tweet
        if steps == 4:
            counters = engine.counters()  # the first ones were killed
    assert steps > 4
    assert await cached(engine, tweet) == TweetCounts(likes=601, retweets=1)


async def test_what_was_counted_before_a_loss_of_redis_is_not_put_after_it() -> None:
    engine = Engine(LIMITS)
    tweet = await engine.post(ALICE)
    counters = engine.counters()
    await counters.step(0)
    await engine.cache.drop([keys.tweet_counts(tweet)])
    await engine.like(MANY[0], tweet)
    branches = engine.ports.counts.branches

    async def lost_meanwhile(subject: int) -> Any:
        found = await branches(subject)
        engine.redis.flush()
        return found

    engine.ports.counts.branches = lost_meanwhile  # type: ignore[method-assign]
    await counters.step(0)
    assert await cached(engine, tweet) is None
