"""Readers of the log miss nothing: gaps and losses are made up for from the event store."""

from dataclasses import replace
from typing import Any

import pytest

from domain.clock import ManualClock
from domain.errors import StoreUnavailable
from domain.events import TweetPosted, decode
from domain.ids import EventId, IdGenerator, UserId, log_partition, time_ms
from domain.limits import SMALL
from storage.log_reader import LogBatch, LogReader, earliest
from storage.ports.log import BEGINNING
from storage.rows import HOUR_MS, MINUTE_MS
from tests.memory.stores import memory_stores
from tests.memory.tables import no_faults

PARTITIONS = 2
LIMITS = replace(SMALL, log_entries_max=5, log_read_max=3)


class World:
    """Commands that write and append, and one reader."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        stores = memory_stores(self.clock, LIMITS, partitions=PARTITIONS, to_cassandra=self.turn)
        self.ports, self.redis, self.log = stores.ports, stores.redis, stores.ports.log
        self.down = False
        self._ids = IdGenerator(1, self.clock, after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)
        self.reader = self.new_reader()

    async def turn(self) -> None:
        await no_faults()
        if self.down:
            raise StoreUnavailable("cassandra")

    def new_reader(self) -> LogReader:
        return LogReader(self.ports, self.clock, LIMITS, range(PARTITIONS))

    def far_looking_reader(self) -> LogReader:
        return LogReader(self.ports, self.clock, LIMITS, (0,), look_back_ms=2 * HOUR_MS)

    async def post(self, partition: int = 0, *, append: bool = True, step_ms: int = 1_000) -> int:
        self.clock.advance(step_ms)
        author = next(UserId(user) for user in range(1, 100) if log_partition(user, PARTITIONS) == partition)
        id_ = EventId(self._ids.next())
        event = TweetPosted(event_id=id_, stamp_us=1, author=author, text="hello")
        await self.ports.events.commit(event)
        if append:
            await self.log.append([event])
        return id_

    async def read_all(self, reader: LogReader | None = None) -> list[int]:
        """Everything there is to read, as ids, with repeats."""
        found: list[int] = []
        quiet = 0
        while quiet < 3:
            batch = await (reader or self.reader).read(0)
            quiet = 0 if batch.records or batch.lost else quiet + 1
            found += ids(batch)
        return found


def ids(batch: LogBatch) -> list[int]:
    return [decode(record.body).event_id for record in batch.records]


async def test_a_reader_follows_the_stream() -> None:
    world = World()
    posted = [await world.post(partition) for partition in (0, 1, 0, 0, 0)]
    assert sorted(await world.read_all()) == posted
    assert await world.read_all() == []
    later = await world.post()
    assert await world.read_all() == [later]


async def test_a_reader_goes_on_where_it_is_told() -> None:
    world = World()
    posted = [await world.post() for _ in range(4)]
    batch = await world.reader.read(0)
    assert ids(batch) == posted[:3]
    again = world.new_reader()
    again.seek({0: batch.records[1].offset})
    assert await world.read_all(again) == posted[2:]


async def test_a_reader_that_was_overtaken_by_the_trim_catches_up() -> None:
    world = World()
    first = await world.post()
    assert await world.read_all() == [first]
    missed = [await world.post() for _ in range(20)]
    other = await world.post(1)
    found = await world.read_all()
    assert set(found) == {first, *missed, other}
    assert await world.read_all() == []
    later = await world.post()
    assert await world.read_all() == [later]


async def test_what_is_appended_during_a_catch_up_comes_after_it() -> None:
    world = World()
    await world.post()
    await world.read_all()
    missed = [await world.post() for _ in range(10)]
    found: list[int] = []
    for _ in range(200):
        found += ids(await world.reader.read(0))
        if len(missed) < 60:
            missed.append(await world.post())
    assert set(missed) <= set(found)
    assert await world.read_all() == []


async def test_a_stream_that_is_empty_though_we_have_an_offset_is_a_gap() -> None:
    world = World()
    posted = [await world.post() for _ in range(2)]
    reader = world.new_reader()
    reader.seek({0: f"{world.clock.now_ms() - 500}-0"})
    world.redis.flush()
    assert set(await world.read_all(reader)) == set(posted)
    assert reader.offsets[0] == BEGINNING
    later = await world.post()
    assert await world.read_all(reader) == [later]


async def test_days_are_caught_up_with_many_minutes_side_by_side_and_each_read_has_an_end() -> None:
    world = World()
    early = await world.post()
    world.clock.advance(2 * 24 * HOUR_MS)
    late = await world.post()
    world.redis.flush()
    reader = world.new_reader()
    reader.seek({0: f"{time_ms(early)}-0", 1: f"{time_ms(early)}-0"})
    events_of, looked = world.ports.events.events_of, 0

    async def counted(*args: Any, **options: Any) -> list[tuple[EventId, bytes]]:
        nonlocal looked
        looked += 1
        world.clock.advance(LIMITS.turn_ms // 100)
        return await events_of(*args, **options)

    world.ports.events.events_of = counted  # type: ignore[method-assign]
    found, reads = list[int](), 0
    while not reads or reader.behind:
        before, reads = looked, reads + 1
        found += ids(await reader.read(0))
        assert looked - before <= 100 + 33, "a read has an end"
    assert {early, late} <= set(found)
    assert reads > 20


async def test_a_lost_log_is_told_once_and_made_up_for() -> None:
    world = World()
    await world.post()
    world.clock.advance(120_000)
    read = await world.post()
    await world.read_all()
    unread = [await world.post(partition) for partition in (0, 1)]
    world.redis.flush()
    after = [await world.post(partition) for partition in (0, 1)]
    batch = await world.reader.read(0)
    assert batch == LogBatch((), lost=True)
    assert set(world.reader.offsets.values()) == {BEGINNING}
    found: list[int] = []
    for _ in range(60):
        batch = await world.reader.read(0)
        assert not batch.lost
        found += ids(batch)
    assert set(found) == {read, *unread, *after}, "what was read long before is not read again"
    assert await world.read_all() == []


async def test_without_an_offset_events_that_are_in_no_stream_are_read_again() -> None:
    world = World()
    await world.post()
    await world.read_all()
    unread = await world.post(1, append=False)
    world.redis.flush()
    assert unread in await world.read_all()
    world.reader.seek(dict.fromkeys(range(PARTITIONS), BEGINNING))
    await world.reader.catch_up()
    assert unread in await world.read_all()


async def test_a_new_reader_that_catches_up_notices_that_the_log_is_lost_meanwhile() -> None:
    world = World()
    for _ in range(4):
        await world.post(1)
    await world.reader.catch_up()
    assert ids(await world.reader.read(0)), "the other partition has nothing, and is done"
    unread = await world.post(0)
    world.redis.flush()
    assert unread in await world.read_all()


async def test_a_reader_that_dies_while_catching_up_meets_the_gap_again() -> None:
    world = World()
    await world.post()
    await world.read_all()
    missed = [await world.post() for _ in range(20)]
    saved: dict[int, str] = {}
    found: list[int] = []
    while len(found) < 4:
        batch = await world.reader.read(0)
        found += ids(batch)
        saved |= {record.partition: record.offset for record in batch.records}
    again = world.new_reader()
    again.seek(saved)
    assert set(missed) <= set(await world.read_all(again))


async def test_offsets_of_a_partition_are_never_the_same_twice() -> None:
    world = World()
    await world.post()
    await world.read_all()
    for _ in range(20):
        await world.post()
    offsets = [record.offset for _ in range(60) for record in (await world.reader.read(0)).records]
    assert len(offsets) > 20
    assert len(set(offsets)) == len(offsets)


async def test_a_failed_read_is_simply_repeated() -> None:
    world = World()
    await world.post()
    await world.read_all()
    missed = [await world.post() for _ in range(20)]
    found: list[int] = []
    for turn in range(120):
        world.down = turn % 3 == 0
        try:
            found += ids(await world.reader.read(0))
        except StoreUnavailable:
            assert world.down
    assert set(missed) <= set(found)


async def test_without_an_offset_a_loss_is_made_up_for_from_the_reconcilers_checkpoint() -> None:
    world = World()
    await world.reader.read(0)
    old = await world.post(append=False)
    await world.ports.coordination.set_checkpoint("reconciled", world.clock.now_ms())
    world.clock.advance(3 * 3_600_000)
    world.redis.flush()
    assert (await world.reader.read(0)).lost
    assert old in await world.read_all()


@pytest.mark.parametrize("flushed", [True, False], ids=["lost", "cut"])
async def test_nothing_that_was_made_before_what_a_reader_says_comes_again(flushed: bool) -> None:
    world = World()
    before = world.far_looking_reader()
    posted = [await world.post() for _ in range(2)]
    await world.read_all(before)
    posted += [await world.post(step_ms=23 * MINUTE_MS) for _ in range(5)]
    assert set(await world.read_all(before)) == set(posted)
    world.clock.advance(16 * MINUTE_MS)
    if flushed:
        world.redis.flush()
    missed = [await world.post() for _ in range(1 if flushed else LIMITS.log_entries_max + 1)]
    after = world.far_looking_reader()
    after.restore(before.state())
    again, back_to_ms = [], before.back_to_ms
    for _ in range(300):
        found = ids(await after.read(0))
        assert all(time_ms(id_) >= back_to_ms for id_ in found)
        again += found
        back_to_ms = max(back_to_ms, after.back_to_ms)
    assert {*posted, *missed} == set(again)
    assert back_to_ms > time_ms(posted[0]), "in the end it lets go of what is old"


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ([], {0: BEGINNING, 1: BEGINNING}),
        ([{0: "9-0", 1: "10-2"}, {0: "10-0", 1: "10-10"}], {0: "9-0", 1: "10-2"}),
        ([{0: "9-0", 1: "10-2"}, {0: "10-0"}], {0: "9-0", 1: BEGINNING}),
    ],
)
def test_the_earliest_of_several_offsets(claimed: list[dict[int, str]], expected: dict[int, str]) -> None:
    assert earliest(claimed, PARTITIONS) == expected


async def test_a_new_reader_of_a_stream_that_was_cut_reads_what_the_cut_took() -> None:
    world = World()
    await world.ports.coordination.set_checkpoint("reconciled", world.clock.now_ms())
    posted = [await world.post() for _ in range(20)]
    assert set(await world.read_all()) == set(posted)
    assert await world.read_all() == []


async def test_made_up_offsets_lie_before_the_stream_even_within_one_millisecond() -> None:
    world = World()
    await world.post()
    await world.read_all()
    for _ in range(20):
        await world.post(step_ms=0)
    first = (await world.log.read({0: BEGINNING}, limit=1, wait_ms=0)).first[0]
    caught_up = 0
    while (records := (await world.reader.read(0)).records) or not caught_up:
        caught_up += len(records)
        assert all(place(record.offset) < place(first) for record in records)
    assert caught_up >= 20


def place(offset: str) -> tuple[int, ...]:
    return tuple(map(int, offset.split("-")))
