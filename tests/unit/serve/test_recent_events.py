"""Recent events, read from Cassandra for all who ask."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from typing_extensions import override

from domain.events import TweetPosted, encode
from domain.ids import EventId, UserId, log_partition, stamp_us
from domain.limits import SMALL
from serve.reading.recent_events import RecentEvents
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.rows import MINUTE_MS, Upsert, event_row
from telemetry import metrics
from tests.memory.events import MemoryEventStore
from tests.unit.actors.engine import PARTITIONS, UNKNOWN, Engine

ALICE, BOB, CAROL = UserId(1_001), UserId(1_002), UserId(1_003)


class SlowEvents(MemoryEventStore):
    """Counts readings, and holds them up until it is opened."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine.tables, PARTITIONS)
        self.readings = 0
        self.begun = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    @override
    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        found = await super().events_of(minute, partition, after=after, limit=limit)
        self.readings += partition == 0
        self.begun.set()
        await self.open.wait()
        return found


def recent_events_of(engine: Engine) -> RecentEvents:
    return RecentEvents(engine.ports.events, engine.clock, engine.limits, PARTITIONS, engine.time_passes)


def shown(recent: RecentEvents, viewer: UserId, *followees: UserId, before_ms: int = 1 << 41) -> list[int]:
    """The tweets that a viewer sees of what is known, newest first."""
    entries = recent.entries(np.array(sorted(followees), np.uint64), viewer, before_ms)
    return sorted(entries[:, 0].tolist(), reverse=True)


async def test_it_has_what_a_viewer_and_those_they_follow_wrote_and_retweeted() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    by_alice, by_bob, by_carol = [await engine.post(author) for author in (ALICE, BOB, CAROL)]
    again = await engine.retweet(ALICE, by_carol, CAROL)
    await recent.read(begun_ms)
    assert shown(recent, BOB, ALICE) == [again, by_bob, by_alice]
    assert shown(recent, CAROL) == [by_carol]
    entries = recent.entries(np.array([ALICE], np.uint64), BOB, 1 << 41).tolist()
    assert [again, by_carol] in entries, "a retweet shows its original"


async def test_it_has_nothing_that_was_made_after_a_time() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    early = await engine.post(ALICE)
    between_ms = engine.clock.now_ms() + 1
    await engine.post(ALICE)
    await recent.read(begun_ms)
    assert shown(recent, ALICE, before_ms=between_ms) == [early]


async def test_it_has_what_events_made_stale() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    await engine.follow(ALICE, BOB)
    await recent.read(begun_ms)
    assert keys.following(ALICE) in recent.stale
    assert ListKey(ListKind.HOME, ALICE) in recent.stale
    assert keys.following(BOB) not in recent.stale
    await recent.read(engine.clock.now_ms() + 1)
    assert keys.following(ALICE) not in recent.stale, "what is settled is forgotten"


async def test_events_of_an_unknown_kind_say_nothing_and_are_counted() -> None:
    engine, counted = Engine(), metrics.LocalBackend()
    metrics.install(counted)
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    id_ = engine.next_id()
    known = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=BOB, text="then unknown")
    row = event_row(known, PARTITIONS)
    engine.tables.apply([replace(row, values={**row.values, "body": UNKNOWN})])
    tweet = await engine.post(ALICE)
    await recent.read(begun_ms)
    assert shown(recent, BOB, ALICE) == [tweet]
    assert counted.total(metrics.EVENTS_UNKNOWN, consumer="replica") == 1


async def test_an_event_that_becomes_visible_seconds_after_it_was_made_is_found() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    id_ = engine.next_id()
    await engine.post(ALICE)
    await recent.read(begun_ms)
    engine.clock.advance(5_000)
    await recent.read(begun_ms)
    late = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=BOB, text="late")
    await engine.ports.events.commit(late)
    await recent.read(begun_ms)
    assert shown(recent, BOB) == [id_]


async def test_it_reads_across_minutes_and_past_full_pages() -> None:
    engine = Engine(replace(SMALL, log_read_max=2))
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    tweets = []
    for _ in range(3):
        tweets += [await engine.post(ALICE) for _ in range(5)]
        engine.clock.advance(MINUTE_MS)
    await recent.read(begun_ms)
    assert shown(recent, ALICE) == tweets[::-1]


async def test_of_too_many_the_newest_are_kept() -> None:
    engine = Engine(replace(SMALL, recent_events_max=3))
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    tweets = [await engine.post(author) for _ in range(4) for author in (ALICE, BOB)]
    await recent.read(begun_ms)
    assert shown(recent, ALICE, BOB) == tweets[:-4:-1]


async def test_what_is_no_event_is_passed_over() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    id_ = engine.next_id()
    event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=ALICE, text="hello")
    row = event_row(event, PARTITIONS)
    engine.tables.apply([Upsert(row.table, row.key, row.stamp_us, row.values | {"body": b"\xff" + encode(event)})])
    tweet = await engine.post(ALICE)
    await recent.read(begun_ms)
    assert shown(recent, ALICE) == [tweet]


async def test_all_who_ask_during_one_reading_share_the_next() -> None:
    engine = Engine()
    events = SlowEvents(engine)
    recent = RecentEvents(events, engine.clock, SMALL, PARTITIONS, engine.time_passes)
    begun_ms = engine.clock.now_ms()
    events.open.clear()
    first = asyncio.create_task(recent.read(begun_ms))
    await events.begun.wait()
    tweet = await engine.post(ALICE)
    later = [asyncio.create_task(recent.read(begun_ms)) for _ in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    events.open.set()
    await asyncio.gather(first, *later)
    assert shown(recent, ALICE) == [tweet], "a reading that had begun before it was committed may lack it"
    assert events.readings == 2


async def test_readings_do_not_follow_each_other_too_closely() -> None:
    engine = Engine()
    recent, begun_ms = recent_events_of(engine), engine.clock.now_ms()
    for _ in range(3):
        await recent.read(begun_ms)
    assert engine.clock.now_ms() - begun_ms == 2 * SMALL.recent_events_every_ms


async def test_a_reading_that_was_cancelled_is_begun_again() -> None:
    engine, waits = Engine(), list[float]()

    async def cancelled_once(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            raise asyncio.CancelledError
        await engine.time_passes(seconds)

    recent = RecentEvents(engine.ports.events, engine.clock, SMALL, PARTITIONS, cancelled_once)
    begun_ms = engine.clock.now_ms()
    await recent.read(begun_ms)
    tweet = await engine.post(ALICE)
    with pytest.raises(asyncio.CancelledError):
        await recent.read(begun_ms)
    await recent.read(begun_ms)
    assert shown(recent, ALICE) == [tweet]


def test_users_are_in_both_partitions() -> None:
    assert {log_partition(user, PARTITIONS) for user in (ALICE, BOB, CAROL)} == {0, 1}
