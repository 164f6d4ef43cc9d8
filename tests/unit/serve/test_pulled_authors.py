import asyncio

import numpy as np
import pytest

from domain.errors import StoreUnavailable
from domain.fanout import Pulled
from domain.ids import UserId
from domain.limits import SMALL
from serve.reading.refresh_ahead import RefreshAhead
from serve.timelines.home_lists import pulled_authors
from tests.unit.actors.engine import Engine

ALICE = UserId(1_001)
FOLLOWEES = np.array([ALICE], dtype=np.uint64)


async def is_pulled(pulled: RefreshAhead[Pulled]) -> bool:
    return bool(len((await pulled.current()).among(FOLLOWEES)))


async def test_a_crossing_is_known_long_before_pushes_end() -> None:
    engine = Engine()
    pulled = pulled_authors(engine.ports.coordination, engine.clock, SMALL)
    assert not await is_pulled(pulled)
    await engine.ports.coordination.set_pulled(ALICE, engine.clock.now_ms())
    engine.clock.advance(SMALL.pulled_grace_ms // 2)
    assert await is_pulled(pulled), "too old a set is not used: the reader waits for a new one"


async def test_a_set_that_is_a_little_old_is_renewed_in_the_background() -> None:
    engine = Engine()
    pulled = pulled_authors(engine.ports.coordination, engine.clock, SMALL)
    assert not await is_pulled(pulled)
    await engine.ports.coordination.set_pulled(ALICE, engine.clock.now_ms())
    engine.clock.advance(SMALL.pulled_refresh_ms)
    assert not await is_pulled(pulled)
    for _ in range(10):
        await asyncio.sleep(0)
    assert await is_pulled(pulled)


async def test_without_the_store_a_young_set_will_do_and_an_old_one_will_not() -> None:
    engine = Engine()
    pulled = pulled_authors(engine.ports.coordination, engine.clock, SMALL)
    assert not await is_pulled(pulled)

    async def away() -> dict[UserId, int]:
        raise StoreUnavailable("cassandra")

    engine.ports.coordination.pulled = away  # type: ignore[method-assign]
    engine.clock.advance(SMALL.pulled_refresh_ms)
    assert not await is_pulled(pulled)
    engine.clock.advance(SMALL.pulled_grace_ms // 2)
    with pytest.raises(StoreUnavailable):
        await is_pulled(pulled)
