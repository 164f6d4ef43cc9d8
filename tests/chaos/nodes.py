"""The ways to break a system that runs on several nodes, as those of `tests.chaos.breaking`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from tests.chaos.breaking import REPLICA, SHARD, STOPPED_S, Break
from tests.chaos.stage import Stage
from tests.support.nodes import HEAD, Nodes
from tests.support.waiting import eventually

NODES = 3
"""Nodes with room for actors, beside the head."""
_HEADLESS_S = 15.0
_MOVED_S = 60.0
"""Bounds a wait, for what was asked for and will be so."""


def _of(stage: Stage) -> Nodes:
    assert stage.nodes is not None, "this needs several nodes"
    return stage.nodes


@asynccontextmanager
async def lose_node(stage: Stage) -> AsyncIterator[None]:
    """A node with all that runs on it; another one joins when the rest has taken over."""
    number = _busiest(stage)
    await asyncio.to_thread(_of(stage)[number].kill)
    yield
    await _of(stage).join(number)


@asynccontextmanager
async def lose_head(stage: Stage) -> AsyncIterator[None]:
    """The head and `up`, as if it had run there, and then a replica, which nobody can start again until it is back.

    An operator starts the head on another machine, and `up` there.
    """
    nodes = _of(stage)
    await asyncio.to_thread(nodes[HEAD].kill)
    nodes[nodes.last].processes(REPLICA)[0].kill()
    await asyncio.sleep(_HEADLESS_S)
    assert await stage.ready(), "not ready without the head"
    await nodes.join(HEAD)
    await stage.restart_up()
    yield
    await eventually(partial(_kinds, stage, nodes.last), lambda kinds: REPLICA in kinds, within_s=STOPPED_S)


@asynccontextmanager
async def add_node(stage: Stage) -> AsyncIterator[None]:
    """One more node, and as many shards and replicas: one of each comes to it, and ranges with the shard."""
    number = _of(stage).last + 1
    await _of(stage).join(number)
    await _scale(stage, number)
    await eventually(partial(_kinds, stage, number), lambda kinds: kinds == {SHARD, REPLICA}, within_s=_MOVED_S)
    yield


@asynccontextmanager
async def remove_node(stage: Stage) -> AsyncIterator[None]:
    """What runs on the last node goes to the others, and then it is stopped."""
    number = _of(stage).last
    await _of(stage).drain(number)
    await _scale(stage, number - 1)
    await eventually(partial(_kinds, stage, number), lambda kinds: not kinds, within_s=_MOVED_S)
    await _of(stage).leave(number)
    yield


async def _scale(stage: Stage, nodes: int) -> None:
    """A shard and a replica for each."""
    await stage.system.run("scale", "--shards", str(nodes), "--replicas", str(nodes))


async def _kinds(stage: Stage, number: int) -> set[str]:
    """Which of those that are spread run on a node."""
    return {kind for kind in (SHARD, REPLICA) if _of(stage)[number].processes(kind)}


def _busiest(stage: Stage) -> int:
    """The node with most of the shards, of which the cluster can do without any."""
    nodes = _of(stage)
    return max(range(HEAD + 1, nodes.last + 1), key=lambda number: len(nodes[number].processes(SHARD)))


NODE_FAULTS: dict[str, Break] = {
    "node-lost": lose_node,
    "head-lost": lose_head,
    "node-added": add_node,
    "node-removed": remove_node,
}
"""By name, as `make chaos` takes them."""
