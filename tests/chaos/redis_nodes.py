"""The ways to break a Redis Cluster under a system, as those of `tests.chaos.breaking`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.crc import key_slot

from domain.ids import RANGES
from storage import keys
from tests.chaos.breaking import Break
from tests.chaos.stage import Stage
from tests.support.redis_cluster import Node, RedisNodes

_MOVED = 24
"""Tags of ranges and partitions whose slots are moved."""


def _of(stage: Stage) -> RedisNodes:
    assert stage.redis_nodes is not None, "this needs a Redis Cluster"
    return stage.redis_nodes


async def _one(nodes: RedisNodes) -> tuple[Node, Node]:
    """The master of the first partition of the log, and its replica."""
    master = await nodes.holder_of(_slot(0))
    return master, await nodes.replica_of(master)


def _slot(tag: int) -> int:
    return int(key_slot(keys.log(tag).encode()))


@asynccontextmanager
async def kill_master(stage: Stage) -> AsyncIterator[None]:
    """A replica takes its place, without what had not reached it; later the old one follows it."""
    nodes = _of(stage)
    master, replica = await _one(nodes)
    master.kill()
    await nodes.promoted(replica)
    yield
    await master.start()
    await nodes.is_whole()


@asynccontextmanager
async def change_masters(stage: Stage) -> AsyncIterator[None]:
    """Each master hands over to its replica in order."""
    await _of(stage).hand_over()
    yield


@asynccontextmanager
async def lose_shard(stage: Stage) -> AsyncIterator[None]:
    """A master and its replica at once: what they held is gone, and they come back with nothing."""
    nodes = _of(stage)
    master, replica = await _one(nodes)
    master.kill()
    replica.kill()
    await asyncio.gather(master.start(), replica.start())
    await nodes.is_whole()
    yield


@asynccontextmanager
async def move_slots(stage: Stage) -> AsyncIterator[None]:
    """Slots of the log and of ranges go from node to node."""
    for tag in range(0, RANGES, RANGES // _MOVED):
        await _of(stage).move(_slot(tag))
    yield


REDIS_FAULTS: dict[str, Break] = {
    "redis-master-killed": kill_master,
    "redis-masters-changed": change_masters,
    "redis-shard-lost": lose_shard,
    "redis-slots-moved": move_slots,
}
"""By name, as `make chaos` takes them."""
