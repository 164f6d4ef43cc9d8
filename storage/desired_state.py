"""Desired state: the numbers of shards and workers that the operator asked for.

The start sets it from the settings, `cluster scale` changes it, and whoever makes, ends, watches or asks for them reads
it again and again: no message tells of a change, so none can be lost, and a process that starts again finds it here.
"""

from collections.abc import Callable
from typing import NamedTuple

from domain.errors import StoreUnavailable
from domain.ids import COUNT_PARTS
from storage.ports.coordination import CoordinationStore

SHARDS, DESIRED_COUNTERS, TRENDS_WORKERS = "desired-fanout-shards", "desired-counters", "desired-trends-workers"
"""Checkpoints."""
SHARDS_UP, COUNTERS_UP = "fanout-shards-up", "counters-up"
"""The checkpoints of how many shards and counters must be alive for the system to be ready.

Another one that is desired only becomes one of them when it has come up, as until then the others do its part."""
_SHARD, _COUNTERS = "fanout-", "counters-"


async def desired(coordination: CoordinationStore, checkpoint: str) -> int:
    """Read a number. Raises `StoreUnavailable` while none is set: to end all of them would be the wrong guess."""
    number = await coordination.checkpoint(checkpoint)
    if number is None:
        raise StoreUnavailable("cassandra", f"there is no checkpoint {checkpoint}")
    assert number >= 1, "whoever sets it has a lower bound"
    return number


def shard_names(shards: int) -> tuple[str, ...]:
    return tuple(f"{_SHARD}{index}" for index in range(shards))


def counters_names(counters: int) -> tuple[str, ...]:
    return tuple(f"{_COUNTERS}{index}" for index in range(counters))


def is_shard(actor: str) -> bool:
    """True if an actor is a fan-out shard, desired or not."""
    return actor.startswith(_SHARD)


def is_counters(actor: str) -> bool:
    """True if an actor is one of the counters, desired or not."""
    return actor.startswith(_COUNTERS)


def parts_of(counters: str, up: int) -> frozenset[int]:
    """The parts of all tweets and users that one of the counters takes while so many of them are up."""
    index = int(counters.removeprefix(_COUNTERS))
    return frozenset(range(index, COUNT_PARTS, up)) if index < up else frozenset()


class Group(NamedTuple):
    """Actors of one kind, of which there are as many as are desired."""

    desired: str
    up: str
    """Checkpoints."""
    names: Callable[[int], tuple[str, ...]]


GROUPS = (Group(SHARDS, SHARDS_UP, shard_names), Group(DESIRED_COUNTERS, COUNTERS_UP, counters_names))
