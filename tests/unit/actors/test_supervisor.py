from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.hosting import Health
from actors.supervision.supervisor import Supervisor, balanced
from domain.errors import StoreUnavailable
from domain.ids import RANGES
from storage.desired_state import COUNTERS_UP, DESIRED_COUNTERS, SHARDS_UP, is_counters, is_shard
from storage.desired_state import SHARDS as SHARDS_CHECKPOINT
from tests.unit.actors.engine import Engine

SHARDS = ("fanout-0", "fanout-1", "fanout-2")


@given(st.lists(st.sampled_from([*SHARDS, "gone", None]), min_size=RANGES, max_size=RANGES), st.integers(1, 3))
def test_ranges_are_spread_evenly_and_none_moves_without_need(before: list[str | None], shards: int) -> None:
    alive = SHARDS[:shards]
    owners = {range_: owner for range_, owner in enumerate(before) if owner is not None}
    after = balanced(range(RANGES), owners, alive)
    sizes = [list(after.values()).count(shard) for shard in alive]
    assert sum(sizes) == RANGES
    assert max(sizes) - min(sizes) <= 1
    stayed = sum(after[range_] == owner for range_, owner in owners.items() if owner in alive)
    share = -(-RANGES // shards)
    owned = [list(owners.values()).count(shard) for shard in alive]
    assert stayed >= sum(min(count, share - 1) for count in owned)


WELL = Health(running=True, beat_age_ms=0, error="")
OPENING = Health(running=False, beat_age_ms=0, error="cassandra does not answer")
STUCK = Health(running=True, beat_age_ms=11_000, error="")


class Actor:
    """An actor that is as the test says, and notes what is done to it."""

    def __init__(self) -> None:
        self.found: Health | None = WELL
        self.restarts = 0
        self.is_gone = False


class Crew:
    """Actors that are there as the test says; `log` is what was done to them."""

    def __init__(self, engine: Engine, *there: str) -> None:
        self.actors = {name: Actor() for name in there}
        self.born: Health | None = WELL
        """How those are who are made."""
        self.room: dict[str, bool] = {}
        """The nodes."""
        self.log: list[str] = []
        self._engine = engine

    async def health(self, name: str) -> Health | None:
        return self.actors[name].found if name in self.actors else None

    async def restart(self, name: str) -> None:
        self.log.append(f"restart {name}")
        self.actors[name].restarts += 1
        if self.actors[name].is_gone:
            raise StoreUnavailable("ray", "no actor of that name")

    async def existing_scaled(self) -> list[str]:
        return [name for name in self.actors if is_shard(name) or is_counters(name)]

    async def nodes(self) -> dict[str, bool]:
        return self.room

    async def make(self, name: str, node: str | None) -> None:
        if name not in self.actors:
            self.log.append(f"make {name}" + (f" on {node}" if node else ""))
            self.actors[name] = Actor()
            self.actors[name].found = self.born and replace(self.born, node=node)

    async def end(self, name: str) -> None:
        assert name not in await owners(self._engine), "it has ranges"
        self.log.append(f"end {name}")
        self.actors.pop(name, None)


async def supervised(engine: Engine, crew: Crew, shards: int, *others: str) -> Supervisor:
    """A supervisor of a system in which so many shards are wanted, and one that counts."""
    for checkpoint in (SHARDS_CHECKPOINT, SHARDS_UP):
        await engine.ports.coordination.set_checkpoint(checkpoint, shards)
    for checkpoint in (DESIRED_COUNTERS, COUNTERS_UP):
        await engine.ports.coordination.set_checkpoint(checkpoint, 1)
    crew.actors.setdefault("counters-0", Actor())
    return Supervisor(crew, others, engine.ports.coordination, engine.clock)


async def owners(engine: Engine) -> list[str]:
    return [owner.owner for owner in (await engine.ports.coordination.range_owners()).values()]


async def test_a_dead_shard_gives_its_ranges_to_the_living_and_gets_its_share_back() -> None:
    engine = Engine()
    crew = Crew(engine, *SHARDS[:2])
    shards = crew.actors
    supervisor = await supervised(engine, crew, 2)
    await supervisor.step()
    assert sorted(await owners(engine)) == ["fanout-0"] * 32 + ["fanout-1"] * 32
    epochs = await engine.ports.coordination.range_owners()

    shards["fanout-1"].found, shards["fanout-1"].is_gone = None, True
    await supervisor.step()
    assert supervisor.unhealthy() == ["fanout-1"]
    engine.clock.advance(6_000)
    await supervisor.step()
    assert shards["fanout-1"].restarts == 1
    assert (await owners(engine)).count("fanout-1") == 32, "it may come back soon"

    engine.clock.advance(10_000)
    await supervisor.step()
    assert await owners(engine) == ["fanout-0"] * 64
    moved = await engine.ports.coordination.range_owners()
    assert all(moved[r].epoch > epochs[r].epoch for r in moved if epochs[r].owner == "fanout-1")

    shards["fanout-1"].found = WELL
    await supervisor.step()
    assert sorted(await owners(engine)) == ["fanout-0"] * 32 + ["fanout-1"] * 32


async def test_ranges_are_served_though_every_answer_to_the_supervisor_was_lost() -> None:
    engine = Engine()
    names = ("fanout-0", "fanout-1")
    coordination = engine.ports.coordination
    set_range_owner = coordination.set_range_owner

    async def unanswered(*args: Any) -> bool:
        await set_range_owner(*args)
        raise StoreUnavailable("cassandra", "no answer in time")

    coordination.set_range_owner = unanswered  # type: ignore[method-assign,assignment]
    supervisor = await supervised(engine, Crew(engine, *names), 2)
    shards = [engine.shard(name) for name in names]
    for shard in shards:
        await shard.step(0)
    with pytest.raises(StoreUnavailable):
        await supervisor.step()
    await supervisor.step()
    engine.clock.advance(1_000)
    for shard in shards:
        await shard.step(0)
    assert sorted(range_ for shard in shards for range_ in shard.ranges) == list(range(RANGES))


@pytest.mark.parametrize(
    ("seen", "restarts"),
    [
        ([STUCK] * 12, 1),
        ([None] * 12, 1),
        ([WELL, *[None] * 4, WELL, *[None] * 4], 0),
        ([WELL, *[STUCK] * 6, *[None] * 50, WELL], 1),
        ([*[WELL], *[None] * 66, *[None] * 10], 2),
        ([OPENING] * 100, 0),
    ],
    ids=["stuck", "silent", "slow now and then", "takes long to come up", "never comes up", "waits for a store"],
)
async def test_who_is_silent_is_restarted_and_given_time_to_come_up(seen: list[Health | None], restarts: int) -> None:
    engine = Engine()
    crew = Crew(engine, "fanout-0", "reconciler")
    reconciler = crew.actors["reconciler"]
    supervisor = await supervised(engine, crew, 1, "reconciler")
    await supervisor.step()
    for found in seen:
        engine.clock.advance(1_000)
        reconciler.found = found
        await supervisor.step()
        assert supervisor.unhealthy() == ([] if found == WELL else ["reconciler"])
    assert reconciler.restarts == restarts
