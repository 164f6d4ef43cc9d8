import asyncio

import pytest

from domain.errors import EngineError, Overloaded, StoreUnavailable
from domain.limits import SMALL
from storage import keys
from storage.read_through import ReadThrough
from tests.unit.actors.engine import Engine


class Source:
    """Values by id, each read counted; reading can be made to wait."""

    def __init__(self) -> None:
        self.values = {1: b"one", 2: b"two"}
        self.reads: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def load(self, ids: list[int]) -> dict[int, bytes]:
        self.reads += ids
        self.asked.set()
        found = {id_: self.values[id_] for id_ in ids if id_ in self.values}
        await self.open.wait()
        return found


def through(engine: Engine, source: Source) -> ReadThrough:
    return ReadThrough(engine.cache, SMALL, kind="tweet", key=keys.tweet, load=source.load)


async def test_a_value_is_loaded_once_and_kept_also_if_there_is_none() -> None:
    engine, source = Engine(), Source()
    for _ in range(2):
        assert await through(engine, source).get((1, 2, 3)) == {1: b"one", 2: b"two", 3: b""}
    assert source.reads == [1, 2, 3]


async def test_those_who_look_while_one_reads_share_the_next_reading() -> None:
    engine, source = Engine(), Source()
    source.open.clear()
    one = through(engine, source)
    first = asyncio.create_task(one.get((1,)))
    await source.asked.wait()
    source.values[1] = b"new"
    await engine.cache.drop([keys.tweet(1)])
    later = [asyncio.create_task(one.get((1,))) for _ in range(5)]
    for _ in range(20):
        await asyncio.sleep(0)
    source.open.set()
    assert await first == {1: b"one"}
    assert await asyncio.gather(*later) == [{1: b"new"}] * 5, "whoever looks after a change sees it"
    assert source.reads == [1, 1]


async def test_when_the_first_gives_up_the_others_read_for_themselves() -> None:
    engine, source = Engine(), Source()
    source.open.clear()
    one = through(engine, source)
    first = asyncio.create_task(one.get((1,)))
    await source.asked.wait()
    second = asyncio.create_task(one.get((1,)))
    for _ in range(20):
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    source.open.set()
    assert await second == {1: b"one"}


async def test_a_value_dropped_while_it_was_loaded_is_not_kept() -> None:
    engine, source = Engine(), Source()
    source.open.clear()
    reading = asyncio.create_task(through(engine, source).get((1,)))
    await source.asked.wait()
    source.values[1] = b"new"
    await engine.cache.drop([keys.tweet(1)])
    source.open.set()
    assert await reading == {1: b"one"}, "it began before the change, and may say so"
    assert await through(engine, source).get((1,)) == {1: b"new"}


@pytest.mark.parametrize("error", [StoreUnavailable("redis"), Overloaded("redis", retry_after_ms=100)])
@pytest.mark.parametrize("failing", [("fetch", "lease", "fill"), ("fetch",), ("lease",), ("fill",)])
async def test_while_the_cache_is_down_or_too_busy_the_truth_is_read(
    failing: tuple[str, ...], error: EngineError
) -> None:
    engine, source = Engine(), Source()

    async def away(*_: object, **__: object) -> None:
        raise error

    for name in failing:
        setattr(engine.cache, name, away)
    assert await through(engine, source).get((1,)) == {1: b"one"}
