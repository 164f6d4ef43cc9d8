"""The HTTP application on Ray Serve: the only module of this package that knows Ray."""

import threading
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Any

import ray
from ray import serve as ray_serve
from ray.serve._private.constants import SERVE_CONTROLLER_NAME, SERVE_NAMESPACE
from ray.serve._private.http_util import RequestIdMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from serve.config import ApiConfig

APP = "murmur"
_OF_SERVE = "/-/"
"""Paths of what Serve asks of a replica; HAProxy lets no client's through."""
_POLL_S = 0.05
_ENDED_POLLS_MAX = 600


def in_front_of_serve(app: ASGIApp | None) -> Callable[[RequestIdMiddleware, Scope, Receive, Send], Awaitable[None]]:
    """A method for Ray Serve's outermost layer, which by itself would repeat any request id that it got.

    The service's requests go to its application, and what Serve asks of a replica to Serve; without an application
    all of it does (decision 0049).
    """

    async def answer(self: RequestIdMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
        next_app = self._app if app is None or scope["path"].startswith(_OF_SERVE) else app
        await next_app(scope, receive, send)

    return answer


@ray_serve.ingress()
class MurmurApi:
    """One replica of the HTTP API."""

    def __init__(self, config: ApiConfig) -> None:
        from serve.areas import ROUTERS  # half of what a replica loads, and the driver needs none of it
        from serve.replica import Replica

        self._replica = Replica(config, ROUTERS)
        app = self._replica if config.replicas_max is None else None  # to scale, Serve must count what is under way
        RequestIdMiddleware.__call__ = in_front_of_serve(app)  # type: ignore[assignment,method-assign]

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._replica

    def check_health(self) -> None:
        """Called by Ray Serve, which puts another replica in the place of one that raises."""
        self._replica.check_health()


def start(http_host: str, http_port: int) -> None:
    """Start Serve, empty."""
    ray_serve.start(proxy_location="EveryNode", http_options={"host": http_host, "port": http_port})


def deploy(config: ApiConfig, *, wait: bool = True) -> None:
    """Start the application, or renew its replicas one by one. Returns when they are up, or at once."""
    scaling: dict[str, Any] = {"num_replicas": config.replicas}
    if config.replicas_max is not None:
        scaling = {
            "autoscaling_config": {
                "min_replicas": config.replicas,
                "max_replicas": config.replicas_max,
                "target_ongoing_requests": 20,
                "upscale_delay_s": 2,
                "downscale_delay_s": 60,
            }
        }
    if config.nodes > 1:  # Ray's own spreading begins anew at each node that it asks, and may put all of them on one
        scaling["max_replicas_per_node"] = ceil((config.replicas_max or config.replicas) / config.nodes)
    deployment = ray_serve.deployment(
        name="api",
        max_ongoing_requests=200,
        max_queued_requests=200,
        health_check_period_s=2,
        health_check_timeout_s=5,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0.5},
        logging_config={"enable_access_log": False},  # a tenth of a replica's work; metrics tell by route
        **scaling,
    )(MurmurApi)
    target = ray_serve.RunTarget(deployment.bind(config), name=APP, route_prefix="/")
    ray_serve.run_many([target], wait_for_applications_running=wait)


def unmet(replicas: int) -> list[str]:
    """Sentences about what is still missing; none when so many replicas at least run, all of them new."""
    (found,) = ray_serve.status().applications[APP].deployments.values()
    running = sum(count for state, count in found.replica_states.items() if state == "RUNNING")
    if found.status == "HEALTHY" and running >= replicas:
        return []
    return [f"{running} of {replicas} replicas run ({found.message or found.status})"]


def undeploy() -> None:
    """Drain and end Serve; return when its controller is gone, or after 30 s.

    As `ray.serve.shutdown` does, but for its waiting: it waits in a call of the controller, which ends with the
    controller, and Ray then says on the terminal that the call failed and will be retried for ever.
    """
    pause = threading.Event()
    try:
        controller = ray.get_actor(SERVE_CONTROLLER_NAME, SERVE_NAMESPACE)
        ray.get(controller.graceful_shutdown.remote(wait=False))
        for _ in range(_ENDED_POLLS_MAX):
            pause.wait(_POLL_S)
            ray.get_actor(SERVE_CONTROLLER_NAME, SERVE_NAMESPACE)
    except (ValueError, ray.exceptions.RayActorError):
        return  # it is gone
