import asyncio
import json
from typing import Any

import pytest
import structlog

from actors.consumers.fanout_shard import FanoutShard, range_consumer
from domain.errors import Fenced, StoreUnavailable
from domain.events import Liked, TweetPosted
from domain.ids import RANGES, EventId, TweetId, UserId, stamp_us
from domain.limits import DEFAULT
from storage.ports.log import BEGINNING, LogRead
from telemetry import logs, metrics
from tests.unit.actors.engine import PARTITIONS, Engine

ALICE, BOB, CAROL = 1_001, 1_002, 1_003


async def stepped(shard: FanoutShard, times: int = 4) -> None:
    for _ in range(times):
        await shard.step(0)


async def test_a_tweet_is_pushed_to_followers_who_have_a_timeline() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    await engine.follow(CAROL, ALICE)
    shard = engine.shard()
    await stepped(shard)
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    retweet = await engine.retweet(ALICE, 77, CAROL)
    await stepped(shard)
    assert await engine.timeline(BOB) == [tweet, retweet]
    assert await engine.timeline(CAROL) is None, "nobody reads it: it is rebuilt when somebody does"


async def test_a_follow_and_an_unfollow_make_the_timeline_rebuild() -> None:
    engine = Engine()
    await engine.own_all()
    shard = engine.shard()
    await engine.post(ALICE)
    await stepped(shard)  # the followers of Alice are in memory now
    await engine.open_timeline(BOB)
    since = await engine.follow(BOB, ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) is None
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) == [tweet]
    await engine.unfollow(BOB, ALICE, since)
    await stepped(shard)
    await engine.open_timeline(BOB)
    await engine.post(ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) == []


async def test_whoever_goes_on_from_a_saved_offset_repeats_but_never_skips() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    first = engine.shard()
    await stepped(first)
    await engine.open_timeline(BOB)
    tweets = []
    for _ in range(5):
        tweets.append(await engine.post(ALICE))
        engine.clock.advance(400)
        await first.step(0)
    second = engine.shard()  # the first died
    await stepped(second)
    timeline = await engine.timeline(BOB)
    assert timeline is not None
    assert sorted(set(timeline)) == tweets


async def test_an_offset_is_saved_only_when_everything_before_it_is_done() -> None:
    engine = Engine()
    await engine.own_all()
    followers = range(2_000, 2_000 + 3 * engine.limits.slice_followers_max)
    for follower in followers:
        await engine.follow(follower, ALICE, append=False)
    shard = engine.shard()
    await stepped(shard)
    await engine.post(ALICE)
    engine.clock.advance(5_000)
    await shard.step(0)  # a slice is under way: not yet all followers
    assert shard.queue == 1
    saved = await engine.offsets.offsets(range_consumer(0))
    assert set(saved.values()) == {BEGINNING}
    await stepped(shard)
    assert shard.queue == 0
    engine.clock.advance(5_000)
    await shard.step(0)
    saved = await engine.offsets.offsets(range_consumer(0))
    assert set(saved.values()) != {BEGINNING}


async def test_a_shard_sees_by_itself_which_ranges_are_its_own() -> None:
    engine = Engine()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    coordination = engine.ports.coordination
    for range_ in range(RANGES):
        await stepped(shard, 1)  # it looks while the supervisor is in the middle of it
        engine.clock.advance(1_000)
        assert await coordination.set_range_owner(range_, None, "fanout-0")
    engine.clock.advance(1_000)
    await stepped(shard)
    assert len(shard.ranges) == RANGES
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) == [tweet]
    await engine.own_all("fanout-1")
    engine.clock.advance(1_000)
    await stepped(shard, 1)
    assert shard.ranges == {}


async def test_an_old_owner_is_fenced_before_it_looks_again() -> None:
    engine = Engine()
    await engine.own_all("fanout-0")
    old, new = engine.shard("fanout-0"), engine.shard("fanout-1")
    await stepped(old)
    fenced = metrics.LocalBackend()
    metrics.install(fenced)
    read = engine.log.read

    async def moved_meanwhile(*args: Any, **options: Any) -> LogRead:
        engine.log.read = read  # type: ignore[method-assign]
        await engine.own_all("fanout-1")
        await stepped(new)
        return await read(*args, **options)

    engine.log.read = moved_meanwhile  # type: ignore[method-assign]
    engine.clock.advance(2_000)
    await stepped(old, 2)
    assert fenced.total(metrics.SAFEGUARDS, safeguard="fence") == 1
    assert old.ranges == {}
    assert len(new.ranges) == RANGES


async def test_what_a_shard_read_ahead_while_it_lost_its_ranges_is_read_again() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    engine.clock.advance(2_000)
    await shard.step(50)  # saves the offsets; from now on a read waits for what comes
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    for _ in range(10):
        await asyncio.sleep(0)
    assert shard._log._reading is not None
    assert shard._log._reading.result().records, "the read has it, and nobody has looked"
    await engine.own_all("fanout-1")
    await engine.own_all("fanout-0")
    engine.clock.advance(2_000)
    await stepped(shard)
    assert await engine.timeline(BOB) == [tweet]


async def test_what_a_shard_read_after_a_loss_and_did_not_push_is_read_again_when_it_claims_its_ranges() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    engine.clock.advance(120_000)
    tweets = [await engine.post(ALICE)]
    await stepped(shard)
    tweets.append(await engine.post(ALICE))
    engine.redis.flush()
    await engine.open_timeline(BOB)  # as one on another node, which has lost nothing
    pulled = engine.ports.coordination.pulled

    async def away() -> dict[UserId, int]:
        raise StoreUnavailable("cassandra")

    engine.ports.coordination.pulled = away  # type: ignore[method-assign]
    engine.clock.advance(engine.limits.pulled_refresh_ms)
    with pytest.raises(StoreUnavailable):
        await stepped(shard)
    assert shard.queue
    engine.ports.coordination.pulled = pulled  # type: ignore[method-assign]
    await engine.own_all()
    engine.clock.advance(1_000)
    await stepped(shard)
    assert set(await engine.timeline(BOB) or []) == set(tweets)


async def test_authors_above_the_threshold_are_pushed_no_more_after_the_grace_period() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    await engine.open_timeline(BOB)
    await engine.ports.coordination.set_pulled(UserId(ALICE), engine.clock.now_ms())
    engine.clock.advance(engine.limits.pulled_refresh_ms)
    pushed = await engine.post(ALICE)
    await stepped(shard)
    engine.clock.advance(engine.limits.pulled_grace_ms)
    await engine.post(ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) == [pushed]


async def test_after_a_total_loss_pushes_go_on() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    engine.redis.flush()
    await stepped(shard)
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    await stepped(shard, 8)
    assert await engine.timeline(BOB) == [tweet]


async def test_bytes_that_are_no_event_become_a_dead_letter_and_the_partition_goes_on() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    await engine.open_timeline(BOB)
    for partition in (0, 1):
        engine.redis.streams[partition].append(((engine.clock.now_ms(), 5), b"\x63not an event"))
    tweet = await engine.post(ALICE)
    await stepped(shard)
    assert await engine.timeline(BOB) == [tweet]
    letters = await engine.ports.dead_letters.letters(limit=10)
    assert {letter.consumer for letter in letters} == {"fanout-0"}
    assert "version" in letters[0].error


async def test_events_of_an_unknown_kind_are_skipped_and_counted() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard, counted = engine.shard(), metrics.LocalBackend()
    metrics.install(counted)
    await stepped(shard)
    await engine.open_timeline(BOB)
    engine.append_unknown()
    tweet = await engine.post(ALICE)
    engine.append_unknown()
    await stepped(shard)
    await shard.drain()
    assert await engine.timeline(BOB) == [tweet]
    assert await engine.ports.dead_letters.letters(limit=1) == []
    assert counted.total(metrics.EVENTS_UNKNOWN, consumer="fanout-0") == 2 * PARTITIONS
    ends = {partition: end.last for partition, end in (await engine.log.ends()).items()}
    assert await engine.offsets.offsets(range_consumer(0)) == ends


async def test_a_store_that_is_away_is_waited_for_and_no_event_given_up() -> None:
    engine = Engine()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE)
    push, failures = engine.cache.push, 20

    async def failing(*args: object) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise StoreUnavailable("redis")
        return await push(*args)  # type: ignore[arg-type]

    engine.cache.push = failing  # type: ignore[method-assign,assignment]
    for _ in range(25):
        try:
            await shard.step(0)
        except (StoreUnavailable, Fenced):
            continue
    assert await engine.timeline(BOB) == [tweet]
    assert await engine.ports.dead_letters.letters(limit=1) == []


async def test_other_events_only_move_the_offset() -> None:
    engine = Engine()
    await engine.own_all()
    shard = engine.shard()
    await engine.happened(Liked(event_id=EventId(engine.next_id()), stamp_us=1, user=UserId(BOB), tweet_id=TweetId(5)))
    await stepped(shard, 1)
    engine.clock.advance(2_000)
    await stepped(shard, 1)
    saved = await engine.offsets.offsets(range_consumer(0))
    assert set(saved.values()) != {BEGINNING}


async def test_a_backlog_is_admitted_in_turns() -> None:
    engine = Engine(DEFAULT)
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    shard = engine.shard()
    await stepped(shard)
    await engine.open_timeline(BOB)
    tweets = [await engine.post(ALICE) for _ in range(1_200)]
    await stepped(shard, 1)
    held = await engine.timeline(BOB)
    assert held is not None
    assert 0 < len(held) < len(tweets), "a turn ends long before the backlog does"
    await stepped(shard, 3)
    assert shard.queue == 0
    assert (await engine.timeline(BOB) or [])[-1] == tweets[-1]


async def test_at_level_debug_a_line_tells_which_request_an_event_came_from(capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine()
    await engine.own_all()
    shard, counters, id_ = engine.shard(), engine.counters(), engine.next_id()
    await stepped(shard)
    event = TweetPosted(
        event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(ALICE), text="hello", request_id="abc"
    )
    await engine.happened(event)
    configuration = structlog.get_config()
    logs.configure("shard", "DEBUG")
    try:
        await stepped(shard)
        await counters.step(0)
    finally:
        logs.configure("shard", "INFO")
        structlog.configure(**configuration)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    handled = [(line["consumer"], line["event_id"]) for line in lines if line.get("request_id") == "abc"]
    assert handled == [("fanout-0", id_), ("counters", id_)]
