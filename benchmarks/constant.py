"""The yardstick of everything over HTTP: a second application on the same Serve that answers bytes it has ready.

It is as lean as Serve allows, plain ASGI without a framework, and has as many replicas as the service.
"""

import logging

from ray import serve as ray_serve
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/constant"
_APP = "constant"


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    """`/constant/<n>` is answered with n bytes."""
    if scope["type"] == "lifespan":
        for step in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{step}.complete"})
        return
    body = b"x" * int(scope["path"].rpartition("/")[2])
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    while scope["method"] == "POST" and (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@ray_serve.ingress()
class Constant:
    """One replica of the yardstick."""

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return _answer


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
