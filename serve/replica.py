"""One replica of the HTTP API: an application on its own stores, whatever it is hosted by."""

import asyncio
from collections.abc import Mapping

import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.clock import Clock, SystemClock
from domain.errors import StoreUnavailable
from serve.accounts import Accounts
from serve.app import build_app
from serve.commands import Commands
from serve.config import ApiConfig
from serve.key_ring import KeyRing, UnusableKeys
from serve.leased_ids import LeasedIds
from serve.login_throttle import LoginThrottle
from serve.origins import Origins
from serve.passwords import Passwords
from serve.publisher import Publisher
from serve.rate_limits import OFF, Guard, RateLimits
from serve.readiness import Check, Readiness, Word
from serve.reading.guarded_cache import GuardedCache
from serve.reading.readers import Readers
from serve.reading.staleness import StalenessGuard
from serve.services import Services
from serve.session_registry import SessionRegistry
from serve.sessions import AccessTokens
from serve.timelines.home import HomeTimelines
from serve.timelines.home_lists import HomeLists
from serve.timelines.pulled_authors import PulledAuthors
from serve.timelines.queries import TimelineQueries
from serve.timelines.rebuild import Rebuilder
from serve.trend_queries import TrendQueries
from serve.tweets.queries import TweetQueries
from serve.users.queries import UserQueries
from storage import keys
from storage.desired_state import SHARDS, SHARDS_UP, desired, shard_names
from storage.stores import Stores, open_stores
from telemetry import logs, metrics
from telemetry.ray_backend import RayBackend


class Replica:
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
        self._app = _build(self._config, self._stores, self._ids)

    async def _close(self) -> None:
        if self._ids is not None:
            self._ids.end()
        if self._stores is not None:
            await self._stores.close()


def _build(config: ApiConfig, stores: Stores, ids: LeasedIds) -> FastAPI:
    clock, limits = SystemClock(), config.stores.limits
    ports = stores.ports
    guard = StalenessGuard(ports.events, ports.coordination, clock, limits, config.stores.partitions)
    cache = GuardedCache(ports.cache, guard)
    readers = Readers(cache, ports.tweets, ports.users, ports.relations, ports.counts, guard, limits)
    rebuilder = Rebuilder(cache, ports.tweets, limits)
    pulled = PulledAuthors(ports.coordination, clock, limits)
    home = HomeTimelines(HomeLists(cache, readers.relations, rebuilder, pulled, guard, clock, limits), ports.tweets)
    publisher = Publisher(ports.events, ports.cache, ports.log, guard)
    sessions = AccessTokens(KeyRing(config.jwt_keys, clock), clock)
    session_registry = SessionRegistry(ports.cache, ports.tokens, limits)
    rates = RateLimits() if config.rate_limits_on else OFF
    throttle = LoginThrottle(ports.limiter, ports.cache, rates)
    services = Services(
        commands=Commands(publisher, ports.tweets, ports.relations, ports.idempotency, readers, ids, clock, limits),
        timelines=TimelineQueries(home, readers, ports.tweets, limits),
        tweets=TweetQueries(readers, ports.tweets, limits),
        users=UserQueries(readers, ports.users, ports.relations, limits),
        trends=TrendQueries(ports.trends, ports.panes),
        accounts=Accounts(ports.users, ports.tokens, ids, Passwords(), sessions, throttle, session_registry, clock),
        sessions=sessions,
        session_registry=session_registry,
        guard=Guard(ports.limiter, clock, rates, Origins(config.trusted_proxies)),
        readiness=_readiness(config, stores, clock),
        limits=limits,
    )
    return build_app(services, cors_origins=config.cors_origins)


def _readiness(config: ApiConfig, stores: Stores, clock: Clock) -> Readiness:
    """One check per dependency; an actor leaves its sign of life in Redis."""

    async def cassandra() -> Word:
        await stores.ports.coordination.checkpoint("ready")
        return "answers"

    async def redis() -> Word:
        await stores.ports.log.incarnation()
        return "answers"

    def actor(name: str, absent: Word | None = None) -> Check:
        async def check() -> Word:
            _, (beat,) = await stores.ports.cache.fetch((), (keys.heartbeat(name),))
            if beat is not None:
                return "alive"
            if absent is None:
                raise StoreUnavailable(name, "no sign of life in the last seconds")
            return absent

        return check

    async def actors() -> Mapping[str, Check]:
        shards = shard_names(await desired(stores.ports.coordination, SHARDS))
        up = await desired(stores.ports.coordination, SHARDS_UP)
        return {
            **{name: actor(name) for name in (*shards[:up], *config.actors)},
            **{name: actor(name, absent="comes_up") for name in shards[up:]},
        }

    return Readiness({"cassandra": cassandra, "redis": redis}, actors, clock)
