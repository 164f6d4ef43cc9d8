"""Shards on several nodes: where the supervisor makes them, and when it lets them go to another node."""

from dataclasses import replace

from actors.supervision.supervisor import Supervisor
from domain.errors import StoreUnavailable
from storage.desired_state import SHARDS, is_shard
from tests.unit.actors.engine import Engine
from tests.unit.actors.test_scaling import settled, shares, step
from tests.unit.actors.test_supervisor import OPENING, Crew


async def spread(engine: Engine, crew: Crew, shards: int, *nodes: str) -> Supervisor:
    """A supervisor of so many shards, which have come up on some nodes."""
    crew.room = dict.fromkeys(nodes, True)
    return await settled(engine, crew, shards)


def where(crew: Crew) -> dict[str, str | None]:
    return {name: actor.found.node for name, actor in sorted(crew.actors.items()) if is_shard(name) and actor.found}


async def test_shards_are_made_where_there_are_fewest_and_stay() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await spread(engine, crew, 3, "a", "b", "c")
    assert sorted(map(str, where(crew).values())) == ["a", "b", "c"]
    await engine.ports.coordination.set_checkpoint(SHARDS, 4)
    crew.room["d"] = True
    for _ in range(10):
        await step(engine, supervisor)
    assert crew.log == ["make fanout-3 on d"]
    assert supervisor.unmet(4, 1) == []


async def test_a_node_that_joins_gets_a_shard_of_the_fullest_which_has_given_its_ranges_away() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await spread(engine, crew, 3, "a", "b")
    before = where(crew)
    crew.born = OPENING
    crew.room["c"] = True
    await step(engine, supervisor)
    assert len(crew.log) == 1, "one, in order"
    moved = crew.log[0].removeprefix("end ")
    assert list((await shares(engine)).values()) == [32, 32], "the others have all meanwhile"
    assert f"{moved} goes to another node" in supervisor.unmet(3, 1)
    await step(engine, supervisor)
    assert crew.log[1:] == [f"make {moved} on c"]
    crew.actors[moved].found = replace(OPENING, running=True, node="c")
    for _ in range(10):
        await step(engine, supervisor)
    assert where(crew) == {**before, moved: "c"}
    assert len(crew.log) == 2, "nobody else moves"
    assert sorted((await shares(engine)).values()) == [21, 21, 22]
    assert supervisor.unmet(3, 1) == []


async def test_who_is_on_a_node_that_is_about_to_leave_goes_one_after_the_other() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await spread(engine, crew, 4, "a", "b")
    del crew.room["b"]
    for _ in range(10):
        await step(engine, supervisor)
    assert set(where(crew).values()) == {"a"}
    assert [line.split()[0] for line in crew.log] == ["end", "make"] * 2
    assert supervisor.unmet(4, 1) == []


async def test_nobody_moves_to_where_there_is_no_room_or_while_somebody_is_not_well() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await spread(engine, crew, 2, "a")
    crew.room["b"] = False
    for _ in range(10):
        await step(engine, supervisor)
    crew.room["b"] = True
    crew.actors["fanout-0"].found = replace(OPENING, node="a")
    for _ in range(10):
        await step(engine, supervisor)
    assert crew.log == []


async def test_while_nobody_says_who_is_there_the_watch_goes_on_and_nobody_is_made_or_ended() -> None:
    engine = Engine()
    crew = Crew(engine)
    supervisor = await spread(engine, crew, 3, "a", "b", "c")

    async def unanswered() -> dict[str, bool]:
        raise StoreUnavailable("ray", "no answer")

    nodes, crew.nodes = crew.nodes, unanswered  # type: ignore[method-assign]
    del crew.room["c"]
    crew.actors["fanout-1"].found = None
    for _ in range(20):
        await step(engine, supervisor)
    assert await shares(engine) == {"fanout-0": 32, "fanout-2": 32}, "its ranges move: that needs nobody but Cassandra"
    assert supervisor.unhealthy() == ["fanout-1"]
    assert "who is there is not known" in supervisor.unmet(3, 1)
    assert all(line.startswith("restart fanout-1") for line in crew.log)
    crew.nodes = nodes  # type: ignore[method-assign]
    crew.actors["fanout-1"].found = replace(OPENING, running=True, node="b")
    for _ in range(10):
        await step(engine, supervisor)
    assert supervisor.unmet(3, 1) == []
