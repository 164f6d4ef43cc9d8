"""Another number of shards: what the supervisor does, in which order, and what another one does if it dies half-way."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from actors.hosting import Health
from actors.supervision.supervisor import Supervisor
from domain.errors import StoreUnavailable
from domain.ids import COUNT_PARTS
from storage.desired_state import (
    COUNTERS_UP,
    DESIRED_COUNTERS,
    SHARDS,
    SHARDS_UP,
    counters_names,
    parts_of,
    shard_names,
)
from tests.memory.coordination import MemoryCoordinationStore
from tests.unit.actors.engine import Engine
from tests.unit.actors.test_supervisor import OPENING, STUCK, WELL, Crew, owners, supervised


async def settled(engine: Engine, crew: Crew, shards: int) -> Supervisor:
    """A supervisor under which so many shards have their share."""
    supervisor = await supervised(engine, crew, shards)
    for _ in range(3):
        await step(engine, supervisor)
    assert supervisor.unmet(shards, 1) == []
    crew.log.clear()
    return supervisor


async def step(engine: Engine, supervisor: Supervisor) -> None:
    engine.clock.advance(1_000)
    await supervisor.step()


async def shares(engine: Engine) -> dict[str, int]:
    found = await owners(engine)
    return {name: found.count(name) for name in sorted(set(found))}


async def test_a_new_shard_is_made_at_once_and_gets_ranges_when_it_is_well() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 2)
    crew.born = OPENING
    await engine.ports.coordination.set_checkpoint(SHARDS, 3)
    assert supervisor.unmet(3, 1) == ["the supervisor knows of 2 shards"]
    for _ in range(30):
        await step(engine, supervisor)
        assert crew.log == ["make fanout-2"]
        assert supervisor.unmet(3, 1) == ["fanout-2 is not up"]
        assert supervisor.unhealthy() == ["fanout-2"]
        assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
        assert await engine.ports.coordination.checkpoint(SHARDS_UP) == 2, "so many are asked for by readiness"

    crew.actors["fanout-2"].found = WELL
    await step(engine, supervisor)
    assert supervisor.unmet(3, 1) == []
    assert await shares(engine) == {"fanout-0": 22, "fanout-1": 21, "fanout-2": 21}
    await step(engine, supervisor)
    assert await engine.ports.coordination.checkpoint(SHARDS_UP) == 3


async def test_who_leaves_has_no_ranges_left_when_it_ends_and_is_not_revived() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 3)
    await engine.ports.coordination.set_checkpoint(SHARDS, 1)
    crew.actors["fanout-2"].found = None
    await step(engine, supervisor)
    assert await engine.ports.coordination.checkpoint(SHARDS_UP) == 1, "readiness does not miss them"
    assert await shares(engine) == {"fanout-0": 64}
    assert crew.log == ["end fanout-1", "end fanout-2"]
    assert supervisor.unmet(1, 1) == ["fanout-1 has not ended", "fanout-2 has not ended"]
    assert supervisor.unhealthy() == []
    for _ in range(100):
        await step(engine, supervisor)
        assert supervisor.unmet(1, 1) == []
    assert crew.log == ["end fanout-1", "end fanout-2"]


async def test_nobody_leaves_before_somebody_else_can_take_what_it_has() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 2)
    crew.actors["fanout-0"].found = None
    for _ in range(20):
        await step(engine, supervisor)
    assert await shares(engine) == {"fanout-1": 64}
    crew.log.clear()
    await engine.ports.coordination.set_checkpoint(SHARDS, 1)
    for _ in range(3):
        await step(engine, supervisor)
    assert crew.log == []
    assert supervisor.unmet(1, 1) == [
        "fanout-0 is not up",
        "fanout-1 has not ended",
    ]
    crew.actors["fanout-0"].found = WELL
    await step(engine, supervisor)
    assert (crew.log, await shares(engine)) == (["end fanout-1"], {"fanout-0": 64})


@pytest.mark.parametrize("born", [None, OPENING, STUCK], ids=["silent", "opens its stores", "stuck"])
async def test_a_shard_that_never_comes_up_takes_nothing_and_can_be_given_up(born: Health | None) -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 2)
    crew.born = born
    await engine.ports.coordination.set_checkpoint(SHARDS, 3)
    for _ in range(200):
        await step(engine, supervisor)
        assert "fanout-2 is not up" in supervisor.unmet(3, 1)
        assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
    await engine.ports.coordination.set_checkpoint(SHARDS, 2)
    await step(engine, supervisor)
    await step(engine, supervisor)
    assert supervisor.unmet(2, 1) == []
    assert sorted(crew.actors) == ["counters-0", "fanout-0", "fanout-1"]


async def test_a_shard_that_vanished_is_made_at_once_and_keeps_its_ranges() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 2)
    del crew.actors["fanout-1"]
    await step(engine, supervisor)
    assert crew.log == ["make fanout-1"]
    assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
    assert supervisor.unmet(2, 1) == []


async def test_while_nobody_says_how_many_are_wanted_nobody_is_ended() -> None:
    engine = Engine()
    crew = Crew(engine, *shard_names(3))
    supervisor = Supervisor(crew, (), engine.ports.coordination, engine.clock)
    with pytest.raises(StoreUnavailable):
        await supervisor.step()
    assert list(crew.actors) == list(shard_names(3))


class Died(Exception):
    """The supervisor's process is gone."""


class Mortals(Crew):
    """Shards whose supervisor may die at any call, of them or of the store: after as many calls as are left to it."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.calls_left: int | None = None

    async def turn(self) -> None:
        if self.calls_left is not None:
            if not self.calls_left:
                raise Died
            self.calls_left -= 1

    @override
    async def make(self, name: str, node: str | None) -> None:
        await self.turn()
        await super().make(name, node)

    @override
    async def end(self, name: str) -> None:
        await self.turn()
        await super().end(name)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 100)), min_size=1, max_size=6))
async def test_wherever_supervisors_died_and_whatever_was_wanted_the_last_word_comes_true(
    lives: list[tuple[int, int]],
) -> None:
    engine = Engine()
    crew = Mortals(engine)
    engine.ports = replace(engine.ports, coordination=MemoryCoordinationStore(crew.turn))
    for shards, calls in lives:
        supervisor = await supervised(engine, crew, shards)
        crew.calls_left = calls
        with suppress(Died):
            await step(engine, supervisor)
            await step(engine, supervisor)
        crew.calls_left = None
    wanted = lives[-1][0]
    supervisor = await supervised(engine, crew, wanted)
    for _ in range(3):
        await step(engine, supervisor)
    assert supervisor.unmet(wanted, 1) == []
    assert sorted(crew.actors) == ["counters-0", *shard_names(wanted)]
    assert (await shares(engine)).keys() == set(shard_names(wanted))


async def test_new_counters_take_parts_when_they_are_well_and_leave_at_once() -> None:
    engine = Engine()
    crew, coordination = Crew(engine), engine.ports.coordination
    supervisor = await settled(engine, crew, 1)
    crew.born = OPENING
    await coordination.set_checkpoint(DESIRED_COUNTERS, 3)
    assert supervisor.unmet(None, 3) == ["the supervisor knows of 1 counters"]
    for _ in range(20):
        await step(engine, supervisor)
        assert crew.log == ["make counters-1", "make counters-2"]
        assert supervisor.unmet(1, 3) == ["counters-1 is not up", "counters-2 is not up"]
        assert await coordination.checkpoint(COUNTERS_UP) == 1, "the first does all of it"
    for name in ("counters-1", "counters-2"):
        crew.actors[name].found = WELL
    await step(engine, supervisor)
    await step(engine, supervisor)
    assert supervisor.unmet(1, 3) == []
    assert await coordination.checkpoint(COUNTERS_UP) == 3
    await coordination.set_checkpoint(DESIRED_COUNTERS, 2)
    await step(engine, supervisor)
    assert await coordination.checkpoint(COUNTERS_UP) == 2
    assert crew.log[2:] == ["end counters-2"]
    await step(engine, supervisor)
    assert supervisor.unmet(1, 2) == []


@given(st.integers(1, COUNT_PARTS))
def test_every_part_is_taken_by_one_of_the_counters(up: int) -> None:
    taken = [part for name in counters_names(COUNT_PARTS) for part in parts_of(name, up)]
    assert sorted(taken) == list(range(COUNT_PARTS))
