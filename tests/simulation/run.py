"""One history from its seed: people act while everything goes wrong, then all is healed, settled and compared."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.ids import range_of
from domain.limits import Limits
from storage.ports.coordination import APPLIED
from telemetry import metrics
from tests.simulation.circle import CirclePerson
from tests.simulation.comparison import compare
from tests.simulation.people import Person
from tests.simulation.scheduler import CrashAt, Faults
from tests.simulation.stores import CIRCLE, USERS
from tests.simulation.world import ACTORS, PARTITIONS, REPLICAS, SHARDS, Build, World
from tests.support.oracle.answers import Answers

DEFAULT_SEEDS = 10
DISASTERS = (
    *("crash",) * 3,
    *("move",) * 2,
    "scale",
    "stall",
    "down",
    "slow",
    "poison",
    *("flush",) * 2,
    "clock",
    "evict",
)
"""Each history has some of them: an outage heals what another fault left behind, so all at once hide much."""
_FROZEN_MS_MAX = 600_000
_JUMP_MS = -5_000
_SETTLE_MS = 60_000
"""Longer than the latest batch, the lease of a dead builder, and two looks back of the reconciler together."""
_SETTLE_MS_MAX = 300_000
"""Longer than any reader takes: after a loss of the log some read everything three times, a few events a turn."""
_HISTORY_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How much happens, and what may go wrong beside single calls."""

    actions: tuple[int, ...] = (18, 10, 4)
    """What each user does while all goes wrong, while less does, and when all is healed."""
    disasters: Sequence[str] = DISASTERS
    faults: Faults | None = None
    """Those of single calls; None for what the seed decides."""
    crash_at: CrashAt | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a seed."""

    seed: int
    problems: list[str]
    history: list[str]
    contents: str
    edges: dict[str, float]
    calls: Counter[str]
    """How often each was on the way to a store, or back, until the last user had done everything."""
    story: Story
    """What was told, with the faults that the seed decided."""

    def report(self) -> str:
        """What a person needs to go on with."""
        about = [line for line in self.history if any(word in line for p in self.problems for word in _ids_in(p))]
        return "\n".join(
            (
                f"seed {self.seed} breaks the engine; replay it with: pytest tests/simulation --seed {self.seed}",
                f"the story: {self.story}",
                *self.problems[:10],
                "-- what the history says of them --",
                *about[-_HISTORY_SHOWN:],
                "-- the end of the history --",
                *self.history[-_HISTORY_SHOWN:],
            )
        )


def run(seed: int, build: Build | None = None, story: Story = Story(), *, limits: Limits | None = None) -> Result:
    """Play the history of a seed."""
    backend = metrics.LocalBackend()
    metrics.install(backend)
    try:
        world = World(seed, build=build or Build(), limits=limits, faults=story.faults)
        story = replace(story, faults=world.scheduler.faults)
        calls = asyncio.run(_play(world, story))
    finally:
        metrics.install(metrics.LocalBackend())
    safeguards = metrics.SAFEGUARDS
    edges = {name: backend.total(safeguards, safeguard=name) for name in safeguards.labels["safeguard"]}
    contents = repr(sorted(world.tables.contents().items(), key=repr))
    return Result(seed, world.problems, world.scheduler.history, contents, edges, calls, story)


async def _play(world: World, story: Story) -> Counter[str]:
    scheduler = world.scheduler
    calls = Counter[str]()
    try:
        await scheduler.run(scheduler.spawn("the world", _tell(world, story, calls)))
    except Exception as error:
        error.add_note("\n".join((f"seed {world.seed}", *scheduler.history[-_HISTORY_SHOWN:])))
        raise
    finally:
        await scheduler.stop()
    return calls


async def _tell(world: World, story: Story, calls: Counter[str]) -> None:
    answers = Answers()
    people = [(CirclePerson if user in CIRCLE else Person)(user, world, answers) for user in USERS]
    await world.begin()
    if story.crash_at is not None:
        world.crash_once(story.crash_at)
    some = world.rng.randint(min(2, len(story.disasters)), len(story.disasters))
    disasters = world.rng.sample(story.disasters, some)
    *stormy, last = story.actions
    frozen = world.rng.random() < 0.5  # nobody follows any more, as that unlinks timelines, and so heals them
    for calm, actions in zip((False, True), stormy, strict=True):
        now: Sequence[str] = [d for d in disasters if not (calm and d == "flush")]
        if calm and frozen and "evict" in story.disasters:
            # Nothing fails, and what a timeline is built from is long in coming: much is pushed meanwhile.
            world.scheduler.faults, now = Faults(), ()
            world.scheduler.slow("entries_by_author", _FROZEN_MS_MAX)
            for user in USERS:
                world.evict(user)
        chaos = world.scheduler.spawn("chaos", _chaos(world, now))
        busy = [world.scheduler.spawn(f"user {who.user}", who.live(actions, calm=calm)) for who in people]
        await asyncio.wait(busy)
        chaos.cancel()
        await asyncio.wait([chaos])
        for name in (*REPLICAS, *ACTORS):
            if not world.alive(name):
                world.start(name)
    world.scheduler.heal()
    busy = [world.scheduler.spawn(f"user {who.user}", who.live(last, calm=frozen)) for who in people]
    await asyncio.wait(busy)
    calls.update(world.scheduler.calls)
    await settle(world)
    await compare(world, answers)


async def settle(world: World) -> None:
    """Wait until the engine says that all that was done is everywhere."""
    world.settling = True
    await world.scheduler.sleep(_SETTLE_MS)
    made_ms = world.clock.now_ms() - _SETTLE_MS // 2
    ends_ms = world.clock.monotonic_ms() + _SETTLE_MS_MAX - _SETTLE_MS
    while (settled_ms := await world.coordination.checkpoint(APPLIED) or 0) < made_ms:
        if world.clock.monotonic_ms() >= ends_ms:
            world.problems.append(f"what was made before {settled_ms} is settled, and not before {made_ms}")
            return
        await world.scheduler.sleep(1_000)


async def _chaos(world: World, disasters: Sequence[str]) -> None:
    """Now and then something large goes wrong."""
    rng, scheduler = world.rng, world.scheduler
    while disasters:
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
            case "scale":
                await world.scale_counters()
            case "stall":
                scheduler.stall(rng.choice((*REPLICAS, *ACTORS)), rng.randint(200, 3_000))
            case "down":
                scheduler.break_store(rng.choice(("redis", "redis", "cassandra")), rng.randint(200, 2_500))
            case "slow":
                scheduler.slow(rng.choice(("redis", "cassandra")), rng.randint(500, 5_000))
            case "clock":
                name = rng.choice((*REPLICAS, *ACTORS))
                world.jump(name, _JUMP_MS)
                try:
                    await scheduler.sleep(rng.randint(500, 5_000))
                finally:
                    world.jump(name, -_JUMP_MS)
            case "flush":
                world.flush()
            case "evict":
                world.evict(rng.choice(USERS))
            case _:
                world.poison(rng.randrange(PARTITIONS))


def _ids_in(problem: str) -> list[str]:
    return [word.strip("[](),") for word in problem.split() if len(word.strip("[](),")) > 12]
