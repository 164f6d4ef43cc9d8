"""Bounded calls of Ray's head, which knows who runs where and is one more store that can be away."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from domain.errors import StoreUnavailable

ANSWER_S = 2.0
_Answer = TypeVar("_Answer")


async def call_ray(call: Callable[[], _Answer], within_s: float = ANSWER_S) -> _Answer:
    """Run a blocking call in a thread. Raises `StoreUnavailable` when Ray refuses it or does not answer in time."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(call), within_s)
    except (ray.exceptions.RayError, ValueError, TimeoutError) as error:
        raise StoreUnavailable("ray", str(error) or type(error).__name__) from error


def node_affinity(node: str | None) -> Any:
    """The scheduling strategy of an actor that runs on a node while that is there, or anywhere."""
    return NodeAffinitySchedulingStrategy(node, soft=True) if node else "SPREAD"
