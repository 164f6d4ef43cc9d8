from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from typing_extensions import override

from actors.consumers.log_consumer import Batch, Handler, LogConsumer, part_consumer
from actors.registry import COUNTERS
from domain.counts import TweetCounts, UserCounts
from domain.errors import StoreUnavailable
from domain.ids import UserId
from domain.limits import DEFAULT
from domain.relations import LIKE
from domain.segments import Segment
from storage import keys, values
from storage.log_reader import appended_ms
from storage.ports.cache import NOTHING_KNOWN, Known, ListKey, ListKind
from storage.values import Counted
from telemetry import metrics
from tests.unit.actors.engine import PARTITIONS, Engine, all_parts

ALICE, BOB, CAROL = 1_001, 1_002, 1_003


async def value(engine: Engine, key: str) -> bytes:
    _, (found,) = await engine.cache.fetch((), (key,))
    assert found is not None
    return found


async def counts_of(engine: Engine, tweet: int) -> TweetCounts:
    return values.TWEET_COUNTS.counted(await value(engine, keys.tweet_counts(tweet))).counts


async def test_counts_are_the_sizes_of_their_sets_however_often_events_come() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    like = await engine.like(BOB, tweet)
    await engine.log.append([like, like])
    await engine.follow(BOB, ALICE)
    counters = engine.counters()
    for _ in range(3):
        await counters.step(0)
    counts = await counts_of(engine, tweet)
    assert counts == TweetCounts(likes=1)
    alice = values.USER_COUNTS.counted(await value(engine, keys.user_counts(ALICE))).counts
    assert alice == UserCounts(followers=1, following=0, tweets=1)


async def test_sums_that_are_kept_are_not_counted_again_unless_their_set_changed() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    counters = engine.counters()
    await counters.step(0)
    kept = {
        keys.user_counts(ALICE): values.USER_COUNTS.value(
            Counted.at(UserCounts(followers=70, following=80, tweets=90), 0)
        ),
        keys.tweet_counts(tweet): values.TWEET_COUNTS.value(
            Counted.at(TweetCounts(likes=60, retweets=70, replies=80, quotes=90), 0)
        ),
    }
    await engine.cache.put(kept, ttl_s=60)
    await engine.follow(BOB, ALICE)
    await engine.like(BOB, tweet)
    await counters.step(0)
    alice = values.USER_COUNTS.counted(await value(engine, keys.user_counts(ALICE))).counts
    assert alice == UserCounts(followers=1, following=80, tweets=90)
    counts = await counts_of(engine, tweet)
    assert counts == TweetCounts(likes=1, retweets=70, replies=80, quotes=90)


async def test_counters_that_woke_up_too_late_leave_no_old_sums() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    sleeper = engine.counters()
    await sleeper.step(0)
    await engine.like(BOB, tweet)
    successor = engine.counters()
    await successor.step(0)
    old = {keys.tweet_counts(tweet): values.TWEET_COUNTS.value(Counted.at(TweetCounts(likes=7, quotes=7), 0))}
    await engine.cache.put(old, ttl_s=60)  # as if it had counted the rest before it fell asleep
    for _ in range(2):
        await sleeper.step(0)
    _, (found,) = await engine.cache.fetch((), (keys.tweet_counts(tweet),))
    assert found is None


async def test_what_a_command_that_died_left_in_the_caches_is_dropped() -> None:
    engine = Engine()
    await engine.cache.put({keys.following(BOB): b"stale"}, ttl_s=60)
    await engine.open_timeline(BOB)
    await engine.follow(BOB, ALICE)
    await engine.counters().step(0)
    found, values_ = await engine.cache.fetch((ListKey(ListKind.HOME, UserId(BOB)),), (keys.following(BOB),))
    assert (found, values_) == ([None], [None])


async def test_of_two_likes_that_raced_one_is_listed() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    await engine.like(BOB, tweet)
    await engine.like(BOB, tweet)  # both found no like before
    assert len(await engine.ports.relations.sources(LIKE, tweet, before=1 << 62, limit=9)) == 2
    counters = engine.counters()
    for _ in range(3):
        await counters.step(0)
    assert len(await engine.ports.relations.sources(LIKE, tweet, before=1 << 62, limit=9)) == 1


async def test_of_two_likes_that_raced_one_is_listed_though_counters_died_before_they_met_the_second() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    await engine.like(BOB, tweet)
    for _ in range(3):
        await engine.counters().step(0)
    await engine.like(BOB, tweet)  # found no like before, and became visible late
    counters = engine.counters()
    for _ in range(3):
        await counters.step(0)
    assert len(await engine.ports.relations.sources(LIKE, tweet, before=1 << 62, limit=9)) == 1


async def test_events_that_counters_had_not_read_when_the_log_was_lost_are_handled_by_the_next() -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    await engine.counters().step(0)
    for _ in range(2):
        await engine.like(BOB, tweet)
    engine.redis.flush()
    counters = engine.counters()
    for _ in range(6):
        await counters.step(0)
    assert len(await engine.ports.relations.sources(LIKE, tweet, before=1 << 62, limit=9)) == 1


async def test_who_reaches_the_threshold_is_pulled_and_who_stays_below_it_long_enough_is_released() -> None:
    engine = Engine()
    followers = range(2_000, 2_000 + engine.limits.pull_threshold)
    since = {follower: await engine.follow(follower, ALICE) for follower in followers}
    counters = engine.counters()
    for _ in range(4):
        await counters.step(0)
    assert set(await engine.ports.coordination.pulled()) == {ALICE}

    await engine.unfollow(2_000, ALICE, since[2_000])
    await counters.step(0)
    await engine.threshold().release()
    assert set(await engine.ports.coordination.pulled()) == {ALICE}, "below, but not for long"

    engine.clock.advance(engine.limits.pulled_leave_ms)
    await engine.threshold().release()
    (both_until_ms,) = (await engine.ports.coordination.pulled()).values()
    assert both_until_ms > engine.clock.now_ms(), "pushed again, and still pulled"

    await engine.open_timeline(2_001)
    engine.clock.advance(engine.limits.pulled_grace_ms)
    await engine.threshold().release()
    assert await engine.ports.coordination.pulled() == {}
    assert await engine.timeline(2_001) is None, "it lacks what was only pulled"


async def test_who_rises_above_the_threshold_again_stays_pulled() -> None:
    engine = Engine()
    followers = range(2_000, 2_000 + engine.limits.pull_threshold)
    since = {follower: await engine.follow(follower, ALICE) for follower in followers}
    counters = engine.counters()
    for _ in range(4):
        await counters.step(0)
    await engine.unfollow(2_000, ALICE, since[2_000])
    await counters.step(0)
    await engine.follow(2_000, ALICE)
    await counters.step(0)
    engine.clock.advance(engine.limits.pulled_leave_ms)
    await engine.threshold().release()
    (since_ms,) = (await engine.ports.coordination.pulled()).values()
    assert since_ms <= engine.clock.now_ms()


async def in_the_stream(engine: Engine) -> None:
    """Have counters leave offsets in the streams of both partitions, so that whoever comes next goes on from them."""
    await engine.like(CAROL, await engine.post(ALICE))
    counters = engine.counters()
    for _ in range(8):
        await counters.step(0)
    assert min(map(appended_ms, (await engine.offsets.offsets(part_consumer(COUNTERS, 0))).values())) > 0


@pytest.mark.parametrize("turns", [1, 2, 3, 4])
async def test_a_backlog_is_handled_in_turns_and_the_next_counters_go_on_from_there(turns: int) -> None:
    engine = Engine(DEFAULT)
    await in_the_stream(engine)
    tweets = [await engine.post(ALICE) for _ in range(600)]
    for tweet in tweets:
        await engine.like(CAROL, tweet)
    before = await engine.offsets.offsets(part_consumer(COUNTERS, 0))
    first = engine.counters()
    for _ in range(turns):
        await first.step(0)
    assert await engine.offsets.offsets(part_consumer(COUNTERS, 0)) != before, "what is handled is handled"
    counters = engine.counters()
    for _ in range(8):
        await counters.step(0)
    for tweet in tweets:
        assert await counts_of(engine, tweet) == TweetCounts(likes=1)


async def test_events_that_could_not_be_handled_are_handled_by_the_next_counters() -> None:
    engine = Engine(DEFAULT)
    await in_the_stream(engine)
    tweets = [await engine.post(ALICE) for _ in range(20)]
    for tweet in tweets:
        await engine.like(CAROL, tweet)
    drop = engine.cache.drop

    async def failing(names: Sequence[str]) -> None:
        raise ValueError("not now")

    engine.cache.drop = failing  # type: ignore[assignment]
    await engine.counters().step(0)
    engine.cache.drop = drop  # type: ignore[method-assign]
    counters = engine.counters()
    for _ in range(8):
        await counters.step(0)
    for tweet in tweets:
        assert await counts_of(engine, tweet) == TweetCounts(likes=1)


async def test_fenced_counters_reprocess_events_read_after_a_redis_loss() -> None:
    engine = Engine(DEFAULT)
    await in_the_stream(engine)
    counters = engine.counters()
    await counters.step(0)
    tweets = [await engine.post(ALICE) for _ in range(engine.limits.handled_max)]
    for tweet in tweets:
        await engine.like(BOB, tweet)
        await engine.like(BOB, tweet)  # both found no like before
    engine.redis.flush()
    claim, refused = engine.offsets.claim, 0

    async def refused_once(name: str, epoch: int) -> dict[int, str]:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise StoreUnavailable("redis")
        return await claim(name, epoch)

    engine.offsets.claim = refused_once  # type: ignore[method-assign]
    for _ in range(40):
        with suppress(StoreUnavailable):
            await counters.step(0)
    listed = [len(await engine.ports.relations.sources(LIKE, tweet, before=1 << 62, limit=9)) for tweet in tweets]
    assert listed == [1] * len(tweets)


async def test_events_of_an_unknown_kind_are_skipped_and_counted() -> None:
    engine = Engine()
    counted = metrics.LocalBackend()
    metrics.install(counted)
    tweet = await engine.post(ALICE)
    engine.append_unknown()
    await engine.like(BOB, tweet)
    counters = engine.counters()
    for _ in range(4):
        await counters.step(0)
    assert await counts_of(engine, tweet) == TweetCounts(likes=1)
    assert await engine.ports.dead_letters.letters(limit=1) == []
    assert counted.total(metrics.EVENTS_UNKNOWN, consumer=COUNTERS) == PARTITIONS
    ends = {partition: end.last for partition, end in (await engine.log.ends()).items()}
    assert await engine.offsets.offsets(part_consumer(COUNTERS, 0)) == ends


async def test_a_handler_is_all_that_a_new_consumer_needs() -> None:
    class Actors(Handler):
        """Notes whose events came."""

        def __init__(self) -> None:
            self.noted: list[int] = []

        @override
        async def handle(self, batch: Batch) -> None:
            self.noted += [event.actor for event in batch.events]

    engine = Engine()
    for author in (ALICE, BOB, CAROL):
        await engine.post(author)
    first, second = Actors(), Actors()
    for handler in (first, second):
        consumer = LogConsumer("noter", [handler], all_parts, engine.ports, engine.clock, engine.limits, PARTITIONS)
        for _ in range(8):
            await consumer.step(0)
        await engine.post(CAROL)
    assert set(first.noted) == {ALICE, BOB, CAROL}, "at least once"
    assert second.noted == [CAROL], "it goes on from the offsets of the first"


async def test_counters_that_were_fenced_go_on_after_a_while_as_somebody_must() -> None:
    engine = Engine()
    first, second = engine.counters(), engine.counters()
    await first.step(0)
    await second.step(0)
    tweet = await engine.post(ALICE)
    before = await engine.offsets.offsets(part_consumer(COUNTERS, 0))
    for _ in range(3):
        await first.step(0)
    assert await engine.offsets.offsets(part_consumer(COUNTERS, 0)) == before, "it is fenced off"
    engine.clock.advance(1_000)
    for _ in range(3):
        await first.step(0)
    assert await engine.offsets.offsets(part_consumer(COUNTERS, 0)) != before
    await engine.like(BOB, tweet)
    for _ in range(3):
        await first.step(0)
    assert await counts_of(engine, tweet) == TweetCounts(likes=1)


async def test_fewer_events_are_handled_together_while_that_takes_long() -> None:
    engine = Engine(DEFAULT)
    for tweet in range(1, 1_000):
        await engine.like(BOB, tweet)
    counters, together, fetch = engine.counters(), list[int](), engine.cache.fetch

    async def slow(lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN) -> Any:
        together.append(len(keys))
        engine.clock.advance(0 if len(together) > 3 else engine.limits.turn_ms + 1)
        return await fetch(lists, keys, known)

    engine.cache.fetch = slow  # type: ignore[method-assign]
    while len(together) < 7:
        await counters.step(0)
    assert together == [500, 250, 125, 62, 62, 248, 496], "the fifth is what was left of a read"


async def test_one_event_that_cannot_be_handled_is_found_and_given_up_and_all_others_are_handled() -> None:
    engine = Engine(DEFAULT)
    tweets = [await engine.post(ALICE) for _ in range(50)]
    for tweet in tweets:
        await engine.like(BOB, tweet)
    bad, branches = tweets[31], engine.ports.counts.branches

    async def failing(subject: int) -> dict[str, list[Segment]]:
        if subject == bad:
            raise ValueError("this one")
        return await branches(subject)

    engine.ports.counts.branches = failing  # type: ignore[method-assign]
    counters = engine.counters()
    for _ in range(60):
        await counters.step(0)
    letters = await engine.ports.dead_letters.letters(limit=10)
    assert {(letter.consumer, letter.error) for letter in letters} == {(COUNTERS, "ValueError: this one")}
    for tweet in tweets:
        if tweet != bad:
            assert await counts_of(engine, tweet) == TweetCounts(likes=1)
