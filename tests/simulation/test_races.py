"""Two commands of two people at two replicas, side by side, 200 times each: what both leave is never both."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import combinations

import pytest

from domain.errors import Refused
from domain.ids import UserId
from domain.relations import BLOCK, FOLLOW, REQUEST
from telemetry import metrics
from tests.simulation.run import settle
from tests.simulation.scheduler import Faults
from tests.simulation.stores import USERS
from tests.simulation.world import Build, Replica, World

RACES = 200
_PAIRS = tuple(combinations(USERS, 2))
"""Who race, each against the other: all at once."""
_PAUSE_MS_MAX = 60
"""How much later one may begin than the other: less and more than a command takes."""
_FAULTS = Faults(stall=0.1, stall_ms_max=50)
"""Everybody is slow now and then; all are answered."""

Act = Callable[[Replica, UserId, UserId], Awaitable[object]]


async def follow(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.follows.follow(user, other)


async def withdraw(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.follows.unfollow(user, other)


async def is_blocked(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.relations.turn_on(BLOCK, other, user)


async def is_approved(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.follows.approve(other, user)


async def opens(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.people.change_settings(other, False, {})


async def closes(replica: Replica, user: UserId, other: UserId) -> None:
    await replica.people.change_settings(other, True, {})


RACERS: dict[str, tuple[Sequence[Act], tuple[Act, Act]]] = {
    "a follow and a block": ((), (follow, is_blocked)),
    "a request and a block": ((closes,), (follow, is_blocked)),
    "an approval and a block": ((closes, follow), (is_approved, is_blocked)),
    "a request and the opening of the account": ((closes,), (follow, opens)),
    "a follow and the closing of the account": ((), (follow, closes)),
    "an approval and a withdrawal": ((closes, follow), (is_approved, withdraw)),
    "an approval and the opening of the account": ((closes, follow), (is_approved, opens)),
}


@pytest.mark.parametrize("racers", RACERS)
def test_whoever_wins_a_race_nothing_contradicts_it_once_settled(racers: str) -> None:
    before, both = RACERS[racers]
    for seed in range(-(-RACES // len(_PAIRS))):
        world = World(seed, build=Build(), faults=_FAULTS)
        asyncio.run(_play(world, before, both))
        faults = [fault for user, other in _PAIRS for fault in _faults(world, user, other)]
        assert [*world.problems, *faults] == [], f"seed {seed}"


def test_of_these_races_some_need_that_somebody_resolves_them() -> None:
    backend = metrics.LocalBackend()
    metrics.install(backend)
    try:
        for name in ("a follow and a block", "a request and the opening of the account"):
            before, both = RACERS[name]
            asyncio.run(_play(World(0, build=Build(), faults=_FAULTS), before, both))
    finally:
        metrics.install(metrics.LocalBackend())
    for safeguard in ("block_wins", "request_resolved"):
        assert backend.total(metrics.SAFEGUARDS, safeguard=safeguard) > 0, safeguard


async def _play(world: World, before: Sequence[Act], both: Sequence[Act]) -> None:
    scheduler = world.scheduler

    async def act(do: Act, user: UserId, other: UserId, pause_ms: int) -> None:
        await scheduler.sleep(pause_ms)
        with suppress(Refused):  # the other was first
            await world.request(f"{do.__name__} {user} {other}", lambda replica: do(replica, user, other))

    async def tell() -> None:
        await world.begin()
        await scheduler.sleep(1_000)
        for do in before:
            await asyncio.gather(*(act(do, *pair, 0) for pair in _PAIRS))
        await asyncio.gather(*(act(do, *pair, world.rng.randint(0, _PAUSE_MS_MAX)) for pair in _PAIRS for do in both))
        await settle(world)

    try:
        await scheduler.run(scheduler.spawn("the races", tell()))
    finally:
        await scheduler.stop()


def _faults(world: World, user: UserId, other: UserId) -> list[str]:
    """What stands between two people and must not."""
    followed, asked = (other in world.targets(relation, user) for relation in (FOLLOW, REQUEST))
    blocked = other in world.targets(BLOCK, user) or user in world.targets(BLOCK, other)
    profile = world.tables.row("users", other)
    assert profile is not None, "everybody exists"
    wrong = {
        "follows beside a block": followed and blocked,
        "asks beside a block": asked and blocked,
        "asks and follows": asked and followed,
        "asks a public account": asked and not profile.get("private"),
    }
    return [f"{user} {what} ({other})" for what, is_so in wrong.items() if is_so]
