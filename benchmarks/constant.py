"""The constant answer on the same Serve as the service, beside it; and without Serve, by a uvicorn of its own.

On Serve it is as lean as that allows, plain ASGI without a framework, and has as many replicas as the service.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray import serve as ray_serve
from starlette.types import ASGIApp

from benchmarks import constant_app
from cluster.embedded.ports import PortBlock, is_free
from cluster.embedded.processes import ChildProcess
from cluster.embedded.ray_environment import ROOT
from cluster.errors import NotReady
from cluster.settings import environment
from cluster.waiting import wait_until

PREFIX = "/constant"
_APP = "constant"
_READY_TIMEOUT_S = 30.0
_STOP_S = 10.0


@ray_serve.ingress()
class Constant:
    """One replica of the yardstick."""

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return constant_app.answer


def deploy(replicas: int) -> None:
    """Put it beside the service; this process must be a driver of its Ray."""
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    deployment = ray_serve.deployment(
        name="constant",
        num_replicas=replicas,
        max_ongoing_requests=200,
        ray_actor_options={"num_cpus": 0.5},
        logging_config={"enable_access_log": False},  # as the service
    )(Constant)
    ray_serve.run(deployment.bind(), name=_APP, route_prefix=PREFIX)


@contextmanager
def plain_uvicorn() -> Iterator[str]:
    """The URL of one uvicorn process that answers it."""
    ports = PortBlock()
    port = ports.port()
    words = ["-m", "uvicorn", "benchmarks.constant_app:answer", "--host", "127.0.0.1", "--port", str(port)]
    quiet = ["--no-access-log", "--log-level", "warning"]
    with tempfile.TemporaryDirectory(prefix="murmur-bench-uvicorn-") as folder:
        log = Path(folder) / "uvicorn.log"
        server = ChildProcess("uvicorn", [sys.executable, *words, *quiet], log, environment(), ROOT)
        try:
            if not wait_until(lambda: not is_free(port), _READY_TIMEOUT_S):
                raise NotReady(f"uvicorn does not listen: {log.read_text()[-500:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop(_STOP_S)
            ports.release()
