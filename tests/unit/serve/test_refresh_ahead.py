import asyncio

import pytest

from domain.clock import ManualClock
from domain.errors import StoreUnavailable
from serve.reading.refresh_ahead import RefreshAhead

REFRESH_MS, STALE_MS, TRUSTED_MS = 10, 20, 100


class Store:
    """Holds one number; an answer can be held up, or fail."""

    def __init__(self) -> None:
        self.number = 0
        self.readings = 0
        self.failing = False
        self.open = asyncio.Event()
        self.open.set()

    async def read(self) -> int:
        self.readings += 1
        found = self.number
        await self.open.wait()
        if self.failing:
            raise StoreUnavailable("cassandra")
        return found


class Known:
    """What is known of a store, at a time that the test sets."""

    def __init__(self, trusted_ms: int | None = None) -> None:
        self.store = Store()
        self.clock = ManualClock()
        self.known = RefreshAhead(
            self.store.read, self.clock, refresh_ms=REFRESH_MS, stale_ms=STALE_MS, trusted_ms=trusted_ms
        )

    async def after(self, passed_ms: int) -> int:
        self.clock.advance(passed_ms)
        return await self.known.current()


async def others_work() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_is_young_is_not_read_again() -> None:
    known = Known()
    assert [await known.after(ms) for ms in (0, REFRESH_MS - 1)] == [0, 0]
    assert known.store.readings == 1


async def test_what_is_older_is_read_beside_those_who_ask() -> None:
    known = Known()
    await known.after(0)
    known.store.number = 1
    assert await known.after(REFRESH_MS) == 0
    await others_work()
    assert await known.after(0) == 1


async def test_what_is_too_old_is_waited_for() -> None:
    known = Known()
    await known.after(0)
    known.store.number = 1
    assert await known.after(STALE_MS) == 1


async def test_a_reading_that_began_too_long_ago_will_not_do() -> None:
    known = Known()
    await known.after(0)
    known.store.open.clear()
    assert await known.after(REFRESH_MS) == 0
    await others_work()
    known.store.number = 1
    asked = asyncio.create_task(known.after(STALE_MS))
    await others_work()
    known.store.open.set()
    assert await asked == 1, "the one under way had begun before"
    assert known.store.readings == 3


async def test_a_failure_is_raised_only_if_nothing_young_enough_is_known() -> None:
    known = Known()
    await known.after(0)
    known.store.failing = True
    assert await known.after(REFRESH_MS) == 0
    with pytest.raises(StoreUnavailable):
        await known.after(STALE_MS)


async def test_what_is_trusted_will_do_if_the_store_fails_or_does_not_answer() -> None:
    known = Known(TRUSTED_MS)
    await known.after(0)
    known.store.number = 1
    known.store.failing = True
    assert await known.after(STALE_MS) == 0
    known.store.failing = False
    known.store.open.clear()
    assert await known.after(STALE_MS) == 0
    known.store.open.set()
    await others_work()
    assert await known.after(0) == 1
    known.store.failing = True
    with pytest.raises(StoreUnavailable):
        await known.after(TRUSTED_MS)
