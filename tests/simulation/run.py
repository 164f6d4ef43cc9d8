"""One history from its seed: people act while everything goes wrong, then all is healed, settled and compared."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from domain.ids import range_of
from domain.limits import Limits
from telemetry import metrics
from tests.simulation.comparison import compare
from tests.simulation.model import Answers
from tests.simulation.people import Person
from tests.simulation.scheduler import Faults
from tests.simulation.world import ACTORS, PARTITIONS, REPLICAS, SHARDS, USERS, Build, World

DEFAULT_SEEDS = 10
_ACTIONS = 18
_CALM_ACTIONS = 10
_LAST_ACTIONS = 4
DISASTERS = ("crash", "crash", "crash", "move", "move", "stall", "down", "poison", "flush", "flush")
"""Each history has some of them: an outage heals what another fault left behind, so all at once hide much."""
_SETTLE_MS = 60_000
"""Longer than the latest batch, the lease of a dead builder, and two looks back of the reconciler together."""
_HISTORY_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a seed."""

    seed: int
    problems: list[str]
    history: list[str]
    contents: str
    edges: dict[str, float]

    def report(self) -> str:
        """What a person needs to go on with."""
        about = [line for line in self.history if any(word in line for p in self.problems for word in _ids_in(p))]
        return "\n".join(
            (
                f"seed {self.seed} breaks the engine; replay it with: pytest tests/simulation --seed {self.seed}",
                *self.problems[:10],
                "-- what the history says of them --",
                *about[-_HISTORY_SHOWN:],
                "-- the end of the history --",
                *self.history[-_HISTORY_SHOWN:],
            )
        )


def run(
    seed: int,
    build: Build | None = None,
    *,
    limits: Limits | None = None,
    faults: Faults | None = None,
    disasters: Sequence[str] = DISASTERS,
) -> Result:
    """Play the history of a seed."""
    backend = metrics.LocalBackend()
    metrics.install(backend)
    try:
        world = World(seed, build=build or Build(), limits=limits, faults=faults)
        asyncio.run(_play(world, disasters))
    finally:
        metrics.install(metrics.LocalBackend())
    edges = {edge: backend.total(metrics.EDGES.spec, edge=edge) for edge in metrics.EDGES.spec.labels["edge"]}
    contents = repr(sorted(world.tables.contents().items(), key=repr))
    return Result(seed, world.problems, world.scheduler.history, contents, edges)


async def _play(world: World, disasters: Sequence[str]) -> None:
    scheduler = world.scheduler
    try:
        await scheduler.run(scheduler.spawn("the world", _story(world, disasters)))
    except Exception as error:
        error.add_note("\n".join((f"seed {world.seed}", *scheduler.history[-_HISTORY_SHOWN:])))
        raise
    finally:
        await scheduler.stop()


async def _story(world: World, possible: Sequence[str]) -> None:
    answers = Answers()
    people = [Person(user, world, answers) for user in USERS]
    await world.begin()
    disasters = world.rng.sample(possible, world.rng.randint(2, len(possible)))
    for calm, actions in ((False, _ACTIONS), (True, _CALM_ACTIONS)):
        chaos = world.scheduler.spawn("chaos", _chaos(world, [d for d in disasters if not (calm and d == "flush")]))
        busy = [world.scheduler.spawn(f"user {who.user}", who.live(actions, calm=calm)) for who in people]
        await asyncio.wait(busy)
        chaos.cancel()
        await asyncio.wait([chaos])
        for name in (*REPLICAS, *ACTORS):
            if not world.alive(name):
                world.start(name)
    world.scheduler.heal()
    busy = [world.scheduler.spawn(f"user {who.user}", who.live(_LAST_ACTIONS, calm=False)) for who in people]
    await asyncio.wait(busy)
    await world.scheduler.sleep(_SETTLE_MS)
    await compare(world, answers)


async def _chaos(world: World, disasters: list[str]) -> None:
    """Now and then something large goes wrong."""
    rng, scheduler = world.rng, world.scheduler
    while True:
        await scheduler.sleep(rng.randint(100, 1_500))
        match rng.choice(disasters):
            case "crash":
                name = rng.choice((*REPLICAS, *ACTORS))
                if world.alive(name):
                    world.crash(name)
                    await scheduler.sleep(rng.randint(0, 1_500))
                    world.start(name)
            case "move":
                await world.move_range(range_of(rng.choice(USERS)), rng.choice(SHARDS))
            case "stall":
                scheduler.stall(rng.choice((*REPLICAS, *ACTORS)), rng.randint(200, 3_000))
            case "down":
                scheduler.break_store(rng.choice(("redis", "redis", "cassandra")), rng.randint(200, 2_500))
            case "flush":
                world.flush()
            case _:
                world.poison(rng.randrange(PARTITIONS))


def _ids_in(problem: str) -> list[str]:
    return [word.strip("[](),") for word in problem.split() if len(word.strip("[](),")) > 12]
