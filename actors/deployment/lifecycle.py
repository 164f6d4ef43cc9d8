"""The start and the end of all actors."""

from collections.abc import Sequence
from itertools import cycle

import ray

from actors.deployment.config import ActorConfig
from actors.deployment.hosts import make
from actors.deployment.placement import existing_scaled, find, nodes, place
from actors.deployment.supervisor_actor import SupervisorActor
from actors.registry import SUPERVISOR
from actors.supervision.worker_groups import WorkerGroup
from storage.desired_state import counters_names, shard_names


def start(config: ActorConfig, workers: WorkerGroup, shards: int, counters: int) -> None:
    """Make every actor that does not exist yet. They outlive the driver, and come up on their own.

    `workers` are those of the trends dataflow, which the supervisor keeps running. It would make shards and counters
    too, but later.
    """
    places = cycle(sorted(nodes()) or [None])
    for name in (*shard_names(shards), *counters_names(counters)):
        make(name, config, node=next(places))
    place(SupervisorActor, SUPERVISOR, config, workers)


def stop(timeout_s: float) -> None:
    """Drain and end every actor that exists: the supervisor first, so that it makes and revives none."""
    _stop([SUPERVISOR], timeout_s)
    _stop(existing_scaled(), timeout_s)


def _stop(names: Sequence[str], timeout_s: float) -> None:
    handles = [handle for name in names if (handle := find(name)) is not None]
    if handles:
        ray.wait([handle.stop.remote(timeout_s) for handle in handles], num_returns=len(handles), timeout=timeout_s)
    for handle in handles:
        ray.kill(handle)
