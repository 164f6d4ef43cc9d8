"""Desired state: the numbers of shards and workers that the operator asked for.

The start sets it from the settings, `cluster scale` changes it, and whoever makes, ends, watches or asks for them reads
it again and again: no message tells of a change, so none can be lost, and a process that starts again finds it here.
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
    """Read a number. Raises `StoreUnavailable` while none is set: to end all of them would be the wrong guess."""
    number = await coordination.checkpoint(checkpoint)
    if number is None:
        raise StoreUnavailable("cassandra", f"there is no checkpoint {checkpoint}")
    assert number >= 1, "whoever sets it has a lower bound"
    return number


def shard_names(shards: int) -> tuple[str, ...]:
    return tuple(f"{_SHARD}{index}" for index in range(shards))


def is_shard(actor: str) -> bool:
    """True if an actor is a fan-out shard, desired or not."""
    return actor.startswith(_SHARD)
