"""Placement: the nodes that actors may run on, and Ray's actors by name."""

from typing import Any

import ray
from ray._private.state import available_resources_per_node
from ray._private.state import state as ray_state
from ray.actor import ActorHandle

from storage.desired_state import is_counters, is_shard
from telemetry.ray_calls import node_affinity

NAMESPACE = "murmur"
_CALLS_AT_ONCE = 4
_CPUS = 0.1
"""Of Ray's logical ones, for each."""


def nodes() -> dict[str, bool]:
    """The nodes that actors may run on, and whether there is room for one more; none that `ray drain-node` named."""
    leaving = ray_state.get_draining_nodes()
    free = available_resources_per_node()
    return {
        node["NodeID"]: free.get(node["NodeID"], {}).get("CPU", 0.0) >= _CPUS
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0.0) > 0 and node["NodeID"] not in leaving
    }


def place(host: type[Any], name: str, *given: Any, node: str | None = None) -> None:
    """Make an actor, unless it exists; on that node while that is there, so that no node has all of them."""
    options: dict[str, Any] = {
        "name": name,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "num_cpus": _CPUS,
        "max_restarts": -1,
        "max_concurrency": _CALLS_AT_ONCE,
        "scheduling_strategy": node_affinity(node),
    }
    ray.remote(host).options(**options).remote(name, *given)


def find(name: str) -> "ActorHandle[Any] | None":
    """The actor of a name, if it exists."""
    try:
        return ray.get_actor(name, NAMESPACE)
    except ValueError:
        return None


def existing_scaled() -> list[str]:
    """The names of all shards and counters that exist, desired or not."""
    found = ray.util.list_named_actors(all_namespaces=True)
    names = [actor["name"] for actor in found if actor["namespace"] == NAMESPACE]
    return [name for name in names if is_shard(name) or is_counters(name)]
