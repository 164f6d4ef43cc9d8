"""Deployment of the constant answer on the Serve of a running system, by a process that drives its Ray meanwhile.

It is as lean as Serve allows, plain ASGI without a framework, and has as many replicas as the service.
"""

import logging

import ray
from ray import serve as ray_serve
from starlette.types import ASGIApp

from benchmarks import children, constant_app
from benchmarks.constant import PREFIX
from cluster.ray_driver import connect


@ray_serve.ingress()
class Constant:
    """One replica of the yardstick."""

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return constant_app.answer


def put(ray_address: str, replicas: int) -> None:
    """Put it on this Ray, for as long as that lives."""
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    connect(ray_address)
    deployment = ray_serve.deployment(
        name="constant",
        num_replicas=replicas,
        max_ongoing_requests=200,
        ray_actor_options={"num_cpus": 0.5},
        logging_config={"enable_access_log": False},  # as the service
    )(Constant)
    ray_serve.run(deployment.bind(), name="constant", route_prefix=PREFIX)
    ray.shutdown()


if __name__ == "__main__":
    from benchmarks import constant_on_serve  # so that the class travels by the name of its module

    constant_on_serve.put(**children.specification())
    children.answer({})
