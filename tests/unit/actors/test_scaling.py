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
from storage.desired_state import SHARDS, SHARDS_UP, shard_names
from tests.memory.coordination import MemoryCoordinationStore
from tests.unit.actors.engine import Engine
from tests.unit.actors.test_supervisor import OPENING, STUCK, WELL, Crew, owners, supervised


async def settled(engine: Engine, crew: Crew, shards: int) -> Supervisor:
    """A supervisor under which so many shards have their share."""
    supervisor = await supervised(engine, crew, shards)
    for _ in range(3):
        await step(engine, supervisor)
    assert supervisor.unmet(shards) == []
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
    assert supervisor.unmet(3) == ["the supervisor knows of 2 shards"]
    for _ in range(30):
        await step(engine, supervisor)
        assert crew.log == ["make fanout-2"]
        assert supervisor.unmet(3) == ["fanout-2 is not up"]
        assert supervisor.unhealthy() == ["fanout-2"]
        assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
        assert await engine.ports.coordination.checkpoint(SHARDS_UP) == 2, "so many are asked for by readiness"

    crew.actors["fanout-2"].found = WELL
    await step(engine, supervisor)
    assert supervisor.unmet(3) == []
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
    assert supervisor.unmet(1) == ["fanout-1 has not ended", "fanout-2 has not ended"]
    assert supervisor.unhealthy() == []
    for _ in range(100):
        await step(engine, supervisor)
        assert supervisor.unmet(1) == []
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
    assert supervisor.unmet(1) == [
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
        assert "fanout-2 is not up" in supervisor.unmet(3)
        assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
    await engine.ports.coordination.set_checkpoint(SHARDS, 2)
    await step(engine, supervisor)
    await step(engine, supervisor)
    assert supervisor.unmet(2) == []
    assert list(crew.actors) == ["fanout-0", "fanout-1"]


async def test_a_shard_that_vanished_is_made_at_once_and_keeps_its_ranges() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await settled(engine, crew, 2)
    del crew.actors["fanout-1"]
    await step(engine, supervisor)
    assert crew.log == ["make fanout-1"]
    assert await shares(engine) == {"fanout-0": 32, "fanout-1": 32}
    assert supervisor.unmet(2) == []


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
    assert supervisor.unmet(wanted) == []
    assert sorted(crew.actors) == list(shard_names(wanted))
    assert (await shares(engine)).keys() == set(shard_names(wanted))
