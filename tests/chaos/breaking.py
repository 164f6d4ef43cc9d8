"""The ways to break it. Each is begun under load and mended, unless it mends itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.chaos.stage import Stage

STOPPED_S = 30.0
_DOWN_S = 5.0
_SLOW_S = 2.0
_SLOW_FOR_S = 8.0

REPLICA, CONTROLLER, HAPROXY = "ray::ServeReplica", "ray::ServeController", "haproxy"
SHARD, SUPERVISOR, RECONCILER = "ray::FanoutShardActor", "ray::SupervisorActor", "ray::ReconcilerActor"
COUNTERS, TRENDS = "ray::CountersActor", "ray::TrendsWorkerActor"

Break = Callable[[Stage], AbstractAsyncContextManager[None]]
"""Entered, it was broken, and mended if it does not mend itself: recovery is counted from then on."""


def kill(title: str, *, everyone: bool = False) -> Break:
    """`kill -9` of one process, or of all, whose title begins so."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        victims = stage.processes(title)
        assert victims, f"no process is called {title}"
        for victim in victims if everyone else victims[:1]:
            victim.kill()
        yield

    return broken


def flushed() -> Break:
    """FLUSHALL."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        async with stage.to_redis() as redis:
            await redis.flushall()
        yield

    return broken


def redis_killed(*, keep_files: bool) -> Break:
    """`kill -9` of Redis; the next one has the files of a moment before, or none."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        await stage.restart_redis(keep_files=keep_files)
        yield

    return broken


def redis_full() -> Break:
    """Redis may hold no more than it does, and gives nothing up."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        async with stage.to_redis() as redis:
            before = await redis.config_get("maxmemory*")
            await redis.config_set("maxmemory-policy", "noeviction")
            await redis.config_set("maxmemory", "1mb")
            await asyncio.sleep(_DOWN_S)
            for name in ("maxmemory", "maxmemory-policy"):
                await redis.config_set(name, str(before[name]))
        yield

    return broken


def cassandra_restarted() -> Break:
    """Stopped in order, and started again."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        await stage.stop_cassandra()
        await asyncio.sleep(_DOWN_S)
        await stage.start_cassandra()
        yield

    return broken


def slow(store: str) -> Break:
    """Every answer of a store takes two seconds longer, for a while."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        wire = stage.cassandra_wire if store == "cassandra" else stage.redis_wire
        wire.delay_s = _SLOW_S
        await asyncio.sleep(_SLOW_FOR_S)
        wire.delay_s = 0.0
        yield

    return broken


def cut(store: str) -> Break:
    """Every connection to a store breaks."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        (stage.cassandra_wire if store == "cassandra" else stage.redis_wire).cut()
        yield

    return broken


def frozen(store: str) -> Break:
    """Nothing passes to a store or back, for a while, and no connection breaks."""

    @asynccontextmanager
    async def broken(stage: Stage) -> AsyncIterator[None]:
        wire = stage.cassandra_wire if store == "cassandra" else stage.redis_wire
        wire.freeze()
        await asyncio.sleep(_DOWN_S)
        wire.thaw()
        yield

    return broken


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


FAULTS: dict[str, Break] = {
    "replica-killed": kill(REPLICA),
    "controller-killed": kill(CONTROLLER),
    "haproxy-killed": kill(HAPROXY),
    "shard-killed": kill(SHARD),
    "shards-killed": kill(SHARD, everyone=True),
    "supervisor-killed": kill(SUPERVISOR),
    "reconciler-killed": kill(RECONCILER),
    "counters-killed": kill(COUNTERS),
    "trends-worker-killed": kill(TRENDS),
    "trends-workers-killed": kill(TRENDS, everyone=True),
    "shard-stopped": stopped(SHARD),
    "flushall": flushed(),
    "redis-killed": redis_killed(keep_files=False),
    "redis-killed-with-files": redis_killed(keep_files=True),
    "redis-full": redis_full(),
    "redis-cut": cut("redis"),
    "redis-frozen": frozen("redis"),
    "redis-slow": slow("redis"),
    "cassandra-restarted": cassandra_restarted(),
    "cassandra-cut": cut("cassandra"),
    "cassandra-frozen": frozen("cassandra"),
    "cassandra-slow": slow("cassandra"),
}
"""By name, as `make chaos` takes them."""
