"""An account that is private no longer lets in all who asked to follow it, whoever dies on the way."""

from typing import Any

import pytest

from domain.events import FollowRequested, SettingsChanged
from domain.ids import EventId, UserId, count_part, stamp_us
from domain.limits import SMALL
from domain.relations import FOLLOW, REQUEST
from domain.users import User
from storage.ports.users import OpenedAccount
from tests.unit.actors.engine import Engine

ALICE = UserId(1_001)
PAGE = SMALL.approvals_max
_TURNS_MAX = 20
REQUESTERS = [UserId(2_000 + number) for number in range(3 * PAGE)]


class World:
    """Alice, whose account is private, and many who ask to follow her."""

    def __init__(self) -> None:
        self.engine = Engine(users=[User(id=ALICE, username="alice", name="Alice")])
        self.counters = self.engine.counters()

    async def begin(self) -> "World":
        await self.sets(private=True)
        for user in REQUESTERS:
            await self.engine.happened(FollowRequested(**self._at(), user=user, followee=ALICE))
        await self.turns(10)
        assert await self.waiting() == len(REQUESTERS)
        return self

    async def sets(self, *, private: bool) -> None:
        """Have the counters see it too, and no more than that."""
        await self.engine.happened(SettingsChanged(**self._at(), user=ALICE, private=private))

    async def turns(self, number: int) -> None:
        for _ in range(number):
            await self.counters.step(0)

    async def turns_until_waiting(self, at_most: int) -> None:
        for _ in range(_TURNS_MAX):
            if await self.waiting() <= at_most:
                return
            await self.turns(1)
        raise AssertionError("they wait for ever")

    async def waiting(self) -> int:
        """The number of those who wait; all others follow."""
        relations = self.engine.ports.relations
        pairs = [(user, ALICE) for user in REQUESTERS]
        asked = [state.active for state in await relations.states(REQUEST, pairs)]
        assert [state.active for state in await relations.states(FOLLOW, pairs)] == [not each for each in asked]
        return sum(asked)

    async def rows(self) -> list[OpenedAccount]:
        return await self.engine.ports.users.opened_accounts(count_part(ALICE), limit=10)

    def _at(self) -> dict[str, Any]:
        id_ = self.engine.next_id()
        return {"event_id": EventId(id_), "stamp_us": stamp_us(id_)}


@pytest.fixture
async def world() -> World:
    return await World().begin()


async def test_all_who_wait_are_let_in_a_page_a_turn_and_then_nothing_is_left_to_do(world: World) -> None:
    await world.sets(private=False)
    left = []
    for _ in range(10):
        await world.turns(1)
        left.append(await world.waiting())
    assert (left[-1], await world.rows()) == (0, [])
    assert {before - after for before, after in zip([len(REQUESTERS), *left], left, strict=False)} <= {0, PAGE}


async def test_who_has_to_wait_again_waits_and_is_let_in_the_next_time(world: World) -> None:
    await world.sets(private=False)
    await world.turns_until_waiting(PAGE)
    await world.sets(private=True)
    await world.turns(5)
    assert (await world.waiting(), await world.rows()) == (PAGE, [])
    await world.sets(private=False)
    await world.turns(10)
    assert (await world.waiting(), await world.rows()) == (0, [])


async def test_another_process_goes_on_with_what_is_left_though_the_event_does_not_come_again(world: World) -> None:
    await world.sets(private=False)
    await world.turns_until_waiting(len(REQUESTERS) - 1)
    world.counters = world.engine.counters()
    await world.turns(10)
    assert (await world.waiting(), await world.rows()) == (0, [])


async def test_what_was_opened_again_meanwhile_is_not_forgotten(world: World) -> None:
    await world.sets(private=False)
    (first,) = await world.rows()
    world.engine.clock.advance(5)
    await world.sets(private=False)
    (again,) = await world.rows()
    assert again.written_us > first.written_us
    await world.engine.ports.users.forget_opened(first)
    assert await world.rows() == [again]
    await world.engine.ports.users.forget_opened(again)
    assert await world.rows() == []
