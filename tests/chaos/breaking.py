"""The ways to break it. Each is begun under load and mended, unless it mends itself."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from tests.chaos.stage import Stage, Store
from tests.support.waiting import eventually
from tests.support.wire import Wire

# How long faults last: the fault is that so much time passes, nothing is waited for.
STOPPED_S = 30.0
_DOWN_S = 5.0
_SLOW_S = 2.0
_SLOW_FOR_S = 8.0
_BACK_S = 5.0
_BETWEEN_S = 0.5

REPLICA, CONTROLLER, HAPROXY = "ray::ServeReplica", "ray::ServeController", "haproxy"
SHARD, SUPERVISOR = "ray::FanoutShardActor", "ray::SupervisorActor"
COUNTERS, TRENDS = "ray::CountersActor", "ray::TrendsWorkerActor"

# Not all there are, but those without which nothing would have been tried.
_TALK = {
    ("client", "haproxy"),
    ("ServeReplica", "haproxy"),
    *(
        (part, store)
        for part in ("CountersActor", "FanoutShardActor", "ServeReplica", "SupervisorActor")
        for store in ("cassandra", "redis")
    ),
    ("SupervisorActor", "gcs_server"),
    ("TrendsWorkerActor", "cassandra"),
}

Break = Callable[[Stage], AbstractAsyncContextManager[None]]
"""Entered, it was broken, and mended if it does not mend itself: recovery is counted from then on."""


def _done(act: Callable[[Stage], Awaitable[None]]) -> Break:
    """What is over when it returns."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        await act(stage)
        yield

    return broken


def _on_wire(store: Store, act: Callable[[Wire], Awaitable[None]]) -> Break:
    """What happens between the system and a store."""
    return _done(lambda stage: act(stage.wire(store)))


def kill(title: str, *, everyone: bool = False) -> Break:
    """`kill -9` of one process, or of all, whose title begins so."""

    async def act(stage: Stage) -> None:
        victims = stage.processes(title)
        assert victims, f"no process is called {title}"
        for victim in victims if everyone else victims[:1]:
            victim.kill()

    return _done(act)


def scale(option: str, *counts: int, killing: str | None = None) -> Break:
    """One number of shards or of workers after another; each command must say that it is so, whoever dies meanwhile."""

    async def act(stage: Stage) -> None:
        for count in counts:
            async with asyncio.TaskGroup() as both:
                both.create_task(stage.system.run("scale", option, str(count)))
                if killing is not None:
                    both.create_task(_kill_at_it(stage, killing))

    return _done(act)


async def _kill_at_it(stage: Stage, title: str) -> None:
    """`kill -9` while a command is at it: when the first shard was made or ended for it."""

    async def shards() -> int:
        return len(stage.processes(SHARD))

    before = await shards()
    await eventually(shards, lambda now: now != before, within_s=STOPPED_S)
    for victim in stage.processes(title):
        victim.kill()


async def flush(stage: Stage) -> None:
    """FLUSHALL."""
    async with stage.to_redis() as redis:
        await redis.flushall()


async def fill_redis(stage: Stage) -> None:
    """Redis may hold no more than it does, and gives nothing up."""
    async with stage.to_redis() as redis:
        before = await redis.config_get("maxmemory*")
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("maxmemory", "1mb")
        await asyncio.sleep(_DOWN_S)
        for name in ("maxmemory", "maxmemory-policy"):
            await redis.config_set(name, str(before[name]))


async def restart_cassandra(stage: Stage) -> None:
    """Stopped in order, and started again."""
    await stage.stop_cassandra()
    await asyncio.sleep(_DOWN_S)
    await stage.start_cassandra()


async def slow(wire: Wire) -> None:
    """Every answer takes two seconds longer, for a while."""
    wire.delay_s = _SLOW_S
    await asyncio.sleep(_SLOW_FOR_S)
    wire.delay_s = 0.0


async def cut(wire: Wire) -> None:
    """Every connection breaks."""
    wire.cut()


async def freeze(wire: Wire) -> None:
    """Nothing passes, for a while, and no connection breaks."""
    wire.freeze()
    await asyncio.sleep(_DOWN_S)
    wire.thaw()


@asynccontextmanager
async def drop_pair_by_pair(stage: Stage) -> AsyncIterator[None]:
    """Whoever talks to somebody over TCP loses all connections to them, one pair of parts after another."""
    dropped: set[tuple[str, str]] = set()
    while pairs := {pair: ends for pair, ends in stage.pairs().items() if pair not in dropped}:
        pair, ends = min(pairs.items())
        for end in ends:
            end.drop()
        dropped.add(pair)
        await asyncio.sleep(_BETWEEN_S)
    assert dropped >= _TALK, f"these were not seen to talk: {_TALK - dropped}"
    yield


def stopped(title: str, for_s: float = STOPPED_S) -> Break:
    """SIGSTOP of one process, and SIGCONT later if it still lives: what it does on waking must be harmless."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        victim = stage.processes(title)[0]
        until_s = asyncio.get_running_loop().time() + for_s
        victim.suspend()
        try:
            yield
            await asyncio.sleep(until_s - asyncio.get_running_loop().time())
        finally:
            if victim.is_running():
                victim.resume()

    return broken


def put_back(title: str | None = None, killing: str | None = None) -> Break:
    """The wall clock of one process, or of the whole node, jumps back, and later to the true time again.

    Whoever is killed meanwhile starts again by the clock that is behind.
    """

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        victim = stage.processes(title)[0].pid if title else 0
        stage.clock.put_off(-_BACK_S, victim)
        try:
            for process in stage.processes(killing) if killing else ():
                process.kill()
            yield
            await asyncio.sleep(_DOWN_S)
        finally:
            stage.clock.put_off(0)

    return broken


FAULTS: dict[str, Break] = {
    "replica-killed": kill(REPLICA),
    "controller-killed": kill(CONTROLLER),
    "haproxy-killed": kill(HAPROXY),
    "shard-killed": kill(SHARD),
    "shards-killed": kill(SHARD, everyone=True),
    "supervisor-killed": kill(SUPERVISOR),
    "counters-killed": kill(COUNTERS),
    "trends-worker-killed": kill(TRENDS),
    "trends-workers-killed": kill(TRENDS, everyone=True),
    "shard-stopped": stopped(SHARD),
    "scaled-shards": scale("--shards", 3, 1, 2),
    "scaled-trends": scale("--trends", 2, 1),
    "scaled-supervisor-killed": scale("--shards", 3, 1, 2, killing=SUPERVISOR),
    "clock-back": put_back(),
    "clock-back-of-a-replica": put_back(REPLICA),
    "clock-back-counters-killed": put_back(killing=COUNTERS),
    "pairs-cut": drop_pair_by_pair,
    "flushall": _done(flush),
    "redis-killed": _done(partial(Stage.restart_redis, keep_files=False)),
    "redis-killed-with-files": _done(partial(Stage.restart_redis, keep_files=True)),
    "redis-full": _done(fill_redis),
    "redis-cut": _on_wire("redis", cut),
    "redis-frozen": _on_wire("redis", freeze),
    "redis-slow": _on_wire("redis", slow),
    "cassandra-restarted": _done(restart_cassandra),
    "cassandra-cut": _on_wire("cassandra", cut),
    "cassandra-frozen": _on_wire("cassandra", freeze),
    "cassandra-slow": _on_wire("cassandra", slow),
}
"""By name, as `make chaos` takes them."""
