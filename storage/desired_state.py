"""How many of each there should be while a system runs: the one place where that is written.

The start sets it from the settings, `cluster scale` changes it, and whoever makes, ends, watches or asks for them reads
it again and again: nobody is told, so no such word can be lost, and whoever dies half-way finds it on waking.
"""

from domain.errors import StoreUnavailable
from storage.ports.coordination import CoordinationStore

SHARDS, TRENDS_WORKERS = "desired-fanout-shards", "desired-trends-workers"
"""Checkpoints."""
SHARDS_UP = "fanout-shards-up"
"""The checkpoint of how many shards must be alive for the system to be ready.

Another one that is desired only becomes one of them when it has come up, as until then the others do its part."""
_SHARD = "fanout-"


async def desired(coordination: CoordinationStore, checkpoint: str) -> int:
    """How many. Raises `StoreUnavailable` while nobody has said so: to end all of them would be the wrong guess."""
    number = await coordination.checkpoint(checkpoint)
    if number is None:
        raise StoreUnavailable("cassandra", f"there is no checkpoint {checkpoint}")
    assert number >= 1, "whoever sets it has a lower bound"
    return number


def shard_names(shards: int) -> tuple[str, ...]:
    """The names of so many fan-out shards."""
    return tuple(f"{_SHARD}{index}" for index in range(shards))


def is_shard(actor: str) -> bool:
    """Whether an actor is a fan-out shard, wanted or not."""
    return actor.startswith(_SHARD)
