"""What every replica knows of the end of a session, whatever happens to Redis meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest
from typing_extensions import override

from domain.clock import ManualClock
from domain.errors import StoreUnavailable, Unauthorized
from domain.ids import SessionId
from domain.limits import SMALL
from serve.accounts.session_registry import SessionRegistry
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis
from tests.memory.sessions import MemoryTokenStore

OURS, ANOTHER = SessionId(7), SessionId(8)


class Tokens(MemoryTokenStore):
    """Counts what is asked of it; a reading can be made to wait for its answer after it was made."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.readings = 0
        self.asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()

    @override
    async def revoked(self, families: Sequence[SessionId]) -> set[SessionId]:
        self.readings += 1
        self.asked.set()
        found = await super().revoked(families)
        await self.answering.wait()
        return found


class World:
    """Two replicas on one Redis, which can fail."""

    def __init__(self) -> None:
        clock = ManualClock()
        self.down = False
        self.redis = MemoryRedis(clock)
        self.tokens = Tokens(clock)
        cache = MemoryCacheStore(self.redis, SMALL, self.turn)
        self.here, self.there = (SessionRegistry(cache, self.tokens, SMALL) for _ in range(2))

    async def turn(self) -> None:
        await asyncio.sleep(0)
        if self.down:
            raise StoreUnavailable("redis", "it is down")


@pytest.fixture
def world() -> World:
    return World()


async def ended(registry: SessionRegistry, session: SessionId = OURS) -> bool:
    try:
        await registry.require_live(session)
    except Unauthorized as error:
        return error.code == "session_ended"
    return False


async def test_a_session_that_lives_is_asked_for_once(world: World) -> None:
    for _ in range(3):
        assert not await ended(world.here)
        assert not await ended(world.there)
    assert world.tokens.readings == 1


async def test_when_it_was_ended_all_know_and_others_go_on(world: World) -> None:
    assert not await ended(world.there)
    await world.here.end(OURS)
    assert await ended(world.here)
    assert await ended(world.there)
    assert not await ended(world.here, ANOTHER)


async def test_whoever_read_before_the_end_does_not_bring_the_session_back(world: World) -> None:
    world.tokens.answering.clear()
    before = asyncio.create_task(ended(world.there))
    await world.tokens.asked.wait()
    await world.here.end(OURS)
    world.tokens.answering.set()
    assert not await before, "it was asked before the end"
    assert await ended(world.there)


async def test_a_loss_of_redis_neither_brings_a_session_back_nor_ends_one(world: World) -> None:
    await world.here.end(OURS)
    assert not await ended(world.there, ANOTHER)
    world.redis.flush()
    assert await ended(world.there)
    assert not await ended(world.there, ANOTHER)


async def test_without_redis_the_truth_is_asked(world: World) -> None:
    assert not await ended(world.there)
    await world.tokens.revoke(OURS)
    world.down = True
    assert await ended(world.there)
    assert not await ended(world.there, ANOTHER)


async def test_nobody_is_told_that_a_session_ended_while_a_replica_may_believe_that_it_lives(world: World) -> None:
    assert not await ended(world.there)
    world.down = True
    with pytest.raises(StoreUnavailable):
        await world.here.end(OURS)
    world.down = False
    await world.here.end(OURS)
    assert await ended(world.there)


async def test_whoever_goes_on_with_an_ended_session_costs_nothing_more(world: World) -> None:
    await world.here.end(OURS)
    assert await ended(world.there)
    world.down = True
    for registry in (world.here, world.there):
        with pytest.raises(Unauthorized):
            registry.refuse_ended(OURS)
        registry.refuse_ended(ANOTHER)
