"""Connects this process as a driver to a Ray. Imports no Ray by itself: that reads its environment when imported."""

import logging

from cluster.embedded.ray_environment import ON_SEVERAL_NODES, to_connect
from cluster.embedded.ray_node import token_path
from cluster.errors import ClusterError
from cluster.settings import Settings, put_in_environment
from cluster.state import Endpoints

NAMESPACE = "murmur"


def connect(address: str) -> str | None:
    """Make this process a driver of the Ray there, in our namespace; the URL of its dashboard, if it has one."""
    import ray

    try:
        context = ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.WARNING)
    except ConnectionError as failure:
        raise ClusterError(f"Ray could not be reached at {address}; is it running there?") from failure
    return f"http://{context.dashboard_url}" if context.dashboard_url else None


def connect_to_running(settings: Settings, endpoints: Endpoints) -> None:
    """As `connect`, to the Ray of a running system, with the environment that it asks of drivers."""
    put_in_environment(to_connect(token_path(settings.data_dir)) if settings.ray_address is None else ON_SEVERAL_NODES)
    connect(endpoints.ray_address)
