"""The constant answer on the same Serve as the service, beside it; and without Serve, by a uvicorn of its own."""

from contextlib import AbstractContextManager

from benchmarks import children, sides
from benchmarks.sides import Side
from cluster.embedded.ray_environment import to_connect
from cluster.embedded.ray_node import token_path
from cluster.state import Endpoints

PREFIX = "/constant"


def deploy(endpoints: Endpoints, replicas: int) -> None:
    """Put it beside the service, on the local Ray of a running system."""
    spec = {"ray_address": endpoints.ray_address, "replicas": replicas}
    children.run("benchmarks.constant_on_serve", spec, to_connect(token_path(endpoints.data_dir)))


def plain_uvicorn() -> AbstractContextManager[Side]:
    """One uvicorn process that answers it."""
    quiet = ("--no-access-log", "--log-level", "warning")
    words = ("benchmarks.constant_app:answer", "--host", "127.0.0.1", "--port", "{port}", *quiet)
    return sides.small("uvicorn", "uvicorn", *words)
