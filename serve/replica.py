"""One replica of the HTTP API: an application on its own stores, whatever hosts it."""

import asyncio
from collections.abc import Iterable

import uvloop
from fastapi import APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.clock import SystemClock
from domain.errors import StoreUnavailable
from serve.accounts.key_ring import UnusableKeys
from serve.app import build_app
from serve.composition import compose_service
from serve.config import ApiConfig
from storage.leased_ids import LeasedIds
from storage.stores import Stores, open_stores
from telemetry import logs, metrics
from telemetry.ray_backend import RayBackend


class Replica:
    """An ASGI application that opens its stores when it starts and closes them when it ends (ASGI lifespan)."""

    def __init__(self, config: ApiConfig, routers: Iterable[APIRouter]) -> None:
        self._routers = routers
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
        except (StoreUnavailable, UnusableKeys) as error:
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
        self._ids = LeasedIds(self._stores.ports.coordination, SystemClock())
        await self._ids.begin()
        use_cases = compose_service(self._stores.ports, SystemClock(), self._ids, self._config)
        self._app = build_app(use_cases, self._routers, self._config.cors_origins)

    async def _close(self) -> None:
        if self._ids is not None:
            self._ids.end()
        if self._stores is not None:
            await self._stores.close()
