"""The HTTP application on Ray Serve: the only module of this package that knows Ray."""

import asyncio
from dataclasses import dataclass
from typing import Any

import uvloop
from fastapi import FastAPI
from ray import serve as ray_serve
from ray.serve._private.http_util import RequestIdMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.clock import SystemClock
from domain.errors import StoreUnavailable
from serve.accounts import Accounts
from serve.app import build_app
from serve.commands import Commands
from serve.doubts import Doubts
from serve.home import HomeTimeline
from serve.hydration import Hydrator
from serve.leased_ids import LeasedIds
from serve.lists import Queries
from serve.passwords import Passwords
from serve.publisher import Publisher
from serve.pulled import PulledAuthors
from serve.rate_limits import Guard
from serve.readiness import Check, Readiness
from serve.rebuild import Rebuilder
from serve.services import Services
from serve.sessions import AccessTokens
from serve.trend_queries import TrendQueries
from storage import keys
from storage.opening import StoreConfig, Stores, open_stores
from telemetry import logs, metrics
from telemetry.ray_backend import RayBackend

APP = "murmur"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """What every replica is given."""

    stores: StoreConfig
    jwt_private_key_pem: bytes
    rate_limits_on: bool
    trusted_proxies: tuple[str, ...]
    actors: tuple[str, ...]
    """Names of the actors that must be alive for the system to be ready."""
    log_level: str
    replicas: int
    replicas_max: int | None


class _Replica:
    """An ASGI application that opens its stores when it starts and closes them when it ends (ASGI lifespan)."""

    def __init__(self, config: ApiConfig) -> None:
        self._config = config
        self._app: ASGIApp | None = None
        self._stores: Stores | None = None
        self._ids: LeasedIds | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        assert self._app is not None, "requests come after the start-up"
        await self._app(scope, receive, send)

    def check_health(self) -> None:
        """Raise what a replica cannot live on after."""
        if self._ids is not None:
            self._ids.check()

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self._open()
        except StoreUnavailable as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _open(self) -> None:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop), "replicas run on uvloop"
        logs.configure("api", self._config.log_level)
        metrics.install(RayBackend())
        self._stores = await open_stores(self._config.stores)
        self._ids = LeasedIds(self._stores.truth.coordination, SystemClock())
        await self._ids.begin()
        self._app = _build(self._config, self._stores, self._ids)

    async def _close(self) -> None:
        if self._ids is not None:
            self._ids.end()
        if self._stores is not None:
            await self._stores.close()


def _build(config: ApiConfig, stores: Stores, ids: LeasedIds) -> FastAPI:
    clock, limits = SystemClock(), config.stores.limits
    truth, hot = stores.truth, stores.hot
    doubts = Doubts(clock)
    hydrator = Hydrator(hot.cache, truth.tweets, truth.users, truth.graph, truth.engagements, doubts, limits)
    rebuilder = Rebuilder(hot.cache, truth.tweets, limits)
    pulled = PulledAuthors(truth.coordination, clock, limits)
    home = HomeTimeline(hot.cache, truth.tweets, hydrator, rebuilder, pulled, doubts, clock, limits)
    publisher = Publisher(truth.events, hot.cache, hot.log, doubts)
    sessions = AccessTokens(config.jwt_private_key_pem, clock)
    services = Services(
        commands=Commands(
            publisher, truth.tweets, truth.graph, truth.engagements, truth.idempotency, hydrator, ids, clock, limits
        ),
        queries=Queries(home, hydrator, truth.tweets, truth.users, truth.graph, truth.engagements, limits),
        trends=TrendQueries(hot.trends, truth.panes),
        accounts=Accounts(truth.users, truth.tokens, ids, Passwords(), sessions),
        sessions=sessions,
        guard=Guard(hot.limiter, clock, on=config.rate_limits_on, trusted_proxies=config.trusted_proxies),
        readiness=Readiness(_checks(config, stores)),
        limits=limits,
    )
    return build_app(services)


def _checks(config: ApiConfig, stores: Stores) -> dict[str, Check]:
    """One check per dependency; an actor leaves its sign of life in Redis."""

    async def cassandra() -> str:
        await stores.truth.coordination.mark("ready")
        return "answers"

    async def redis() -> str:
        return f"life {await stores.hot.log.incarnation()}"

    def actor(name: str) -> Check:
        async def check() -> str:
            _, (beat,) = await stores.hot.cache.fetch((), (keys.heartbeat(name),))
            if beat is None:
                raise StoreUnavailable(name, "no sign of life in the last seconds")
            return "alive"

        return check

    return {"cassandra": cassandra, "redis": redis, **{name: actor(name) for name in config.actors}}


async def _passed_on(self: RequestIdMiddleware, scope: Scope, receive: Receive, send: Send) -> None:
    """What Ray Serve does about request ids, left undone.

    It repeats whatever the client sent, in a second `X-Request-ID`; `serve.middleware` answers one that is sane.
    """
    await self._app(scope, receive, send)


@ray_serve.ingress()
class MurmurApi:
    """One replica of the HTTP API."""

    def __init__(self, config: ApiConfig) -> None:
        self._replica = _Replica(config)
        RequestIdMiddleware.__call__ = _passed_on  # type: ignore[method-assign]

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return self._replica

    def check_health(self) -> None:
        """Called by Ray Serve, which puts another replica in the place of one that raises."""
        self._replica.check_health()


def start(http_host: str, http_port: int) -> None:
    """Start Serve, empty."""
    ray_serve.start(
        proxy_location="EveryNode", http_options={"host": http_host, "port": http_port, "request_timeout_s": 30}
    )


def deploy(config: ApiConfig) -> None:
    """Start the application; returns when its replicas are up."""
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
    deployment = ray_serve.deployment(
        name="api",
        max_ongoing_requests=200,
        max_queued_requests=200,
        health_check_period_s=2,
        health_check_timeout_s=5,
        graceful_shutdown_timeout_s=2,
        ray_actor_options={"num_cpus": 0.5},
        **scaling,
    )(MurmurApi)
    ray_serve.run(deployment.bind(config), name=APP, route_prefix="/")


def undeploy() -> None:
    """Drain and end Serve."""
    ray_serve.shutdown()  # type: ignore[no-untyped-call]
