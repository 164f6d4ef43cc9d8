"""What commands that race leave beside each other: the block stays, the follow ends the request, nothing is stuck."""

import itertools
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from domain.errors import StoreUnavailable
from domain.events import Blocked, Event, Followed, FollowRequested, SettingsChanged
from domain.follow_conflicts import Between, Resolution
from domain.ids import EventId, UserId, stamp_us
from domain.relations import BLOCK, FOLLOW, INACTIVE, REQUEST, Relation, RelationState
from domain.users import User
from tests.memory.events import MemoryEventStore
from tests.unit.actors.engine import PARTITIONS, Engine

ALICE, BOB = UserId(1_001), UserId(1_002)
ON = RelationState(active=True, event_id=7, written_us=1)


@pytest.mark.parametrize(
    ("between", "resolution"),
    [
        (Between(INACTIVE, INACTIVE, blocked=True, private=True), Resolution.NOTHING),
        (Between(ON, INACTIVE, blocked=False, private=True), Resolution.NOTHING),
        (Between(INACTIVE, ON, blocked=False, private=True), Resolution.NOTHING),
        (Between(ON, ON, blocked=True, private=True), Resolution.UNFOLLOW),
        (Between(INACTIVE, ON, blocked=True, private=False), Resolution.END_REQUEST),
        (Between(ON, ON, blocked=False, private=True), Resolution.END_REQUEST),
        (Between(INACTIVE, ON, blocked=False, private=False), Resolution.APPROVE),
    ],
)
def test_a_block_ends_what_is_beside_it_and_a_request_waits_only_for_a_private_account(
    between: Between, resolution: Resolution
) -> None:
    assert between.resolution is resolution


class World:
    """Bob, who follows Alice or asks to, and Alice, who blocks him: each as if nothing were between them."""

    def __init__(self) -> None:
        self.engine = Engine(users=[User(id=ALICE, username="alice", name="Alice")])
        self.counters = self.engine.counters()

    def followed(self) -> Event:
        return Followed(**self._at(), user=BOB, followee=ALICE)

    def requested(self) -> Event:
        return FollowRequested(**self._at(), user=BOB, followee=ALICE)

    def blocked(self) -> Event:
        return Blocked(**self._at(), user=ALICE, blocked=BOB)

    async def goes_private(self) -> None:
        await self.engine.happened(SettingsChanged(**self._at(), user=ALICE, private=True, settings={}))

    async def settled(self) -> None:
        for _ in range(6):
            await self.counters.step(0)

    async def has(self, relation: Relation, user: UserId = BOB, target: UserId = ALICE) -> bool:
        return (await self.engine.ports.relations.state(relation, user, target)).active

    def _at(self) -> dict[str, Any]:
        id_ = self.engine.next_id()
        return {"event_id": EventId(id_), "stamp_us": stamp_us(id_)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_whichever_of_a_follow_a_request_and_a_block_comes_last_the_block_stays_alone(
    order: tuple[int, ...],
) -> None:
    world = World()
    await world.goes_private()
    events = [world.followed(), world.requested(), world.blocked()]
    for at in order:
        await world.engine.happened(events[at])
        await world.counters.step(0)
    await world.settled()
    assert await world.has(BLOCK, ALICE, BOB)
    assert not await world.has(FOLLOW)
    assert not await world.has(REQUEST)


async def test_a_request_beside_a_follow_ends() -> None:
    world = World()
    await world.goes_private()
    for event in (world.followed(), world.requested()):
        await world.engine.happened(event)
    await world.settled()
    assert await world.has(FOLLOW)
    assert not await world.has(REQUEST)


@pytest.mark.parametrize("private", [True, False])
async def test_a_request_to_an_account_that_is_private_no_longer_becomes_a_follow(private: bool) -> None:
    world = World()
    if private:
        await world.goes_private()
    await world.engine.happened(world.requested())
    await world.settled()
    assert (await world.has(FOLLOW), await world.has(REQUEST)) == (not private, private)


async def test_a_resolution_that_is_not_committed_is_tried_again() -> None:
    world = World()
    for event in (world.followed(), world.blocked()):
        await world.engine.happened(event)
    refused = 0
    commit = world.engine.ports.events.commit

    class Events(MemoryEventStore):
        """Takes too long, twice."""

        @override
        async def commit(self, event: Event) -> None:
            nonlocal refused
            if refused < 2:
                refused += 1
                raise StoreUnavailable("cassandra", "no answer in time")
            await commit(event)

    engine = world.engine
    engine.ports = replace(engine.ports, events=Events(engine.tables, PARTITIONS))
    counters = engine.counters()
    for _ in range(8):
        with suppress(StoreUnavailable):
            await counters.step(0)
    assert refused == 2
    assert not await world.has(FOLLOW)
