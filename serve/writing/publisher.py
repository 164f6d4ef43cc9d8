"""Publication of a decided fact: commit, caches, log."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from domain.clock import Sleep
from domain.errors import Overloaded, StoreUnavailable
from domain.events import Event
from domain.ids import UserId
from serve.http import errors
from storage import keys
from storage.own_acts import acts_of
from storage.ports.cache import CacheStore
from storage.ports.events import EventStore
from storage.ports.log import EventLog
from storage.projections import invalidate
from telemetry import metrics
from telemetry.logs import logger

_TRIES_MAX = 3
_WAIT_S = 0.6


class FailureReports(Protocol):
    """Knows whether Redis may lack events, and has all replicas know it."""

    @property
    def active(self) -> bool:
        """True while it may, as far as is known."""
        ...

    async def report_failure(self) -> None:
        """Return when every replica knows that Redis has failed."""
        ...


class Leased(NamedTuple):
    """Known values of what an event will create, leased before its commit: who knows better then has the last word."""

    values: Mapping[str, bytes]
    token: str
    ttl_s: int


NOTHING_LEASED: Final = Leased({}, "", 0)


class Publisher:
    """Publishes events. After the commit nothing can fail: what Redis misses, the reconciler makes up for."""

    def __init__(
        self, events: EventStore, cache: CacheStore, log: EventLog, guard: FailureReports, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._sleep = sleep
        self._guard = guard
        self._events = events
        self._cache = cache
        self._log = log

    async def lease(self, values: Mapping[str, bytes], *, ttl_s: int) -> Leased:
        """Lease known values, for as long as they shall live."""
        leased = Leased(values, secrets.token_hex(8), ttl_s)
        if values:
            with suppress(StoreUnavailable, Overloaded):  # without a lease nothing is kept
                await self._cache.lease(list(values), leased.token)
        return leased

    async def publish(self, event: Event, leased: Leased = NOTHING_LEASED, *, by: UserId | None = None) -> bool:
        """Commit an event, invalidate what it makes stale, keep what was leased, note and append it.

        What it counts is noted for its actor, and for whom it is done `by` if that is somebody else.
        Returns False if Redis may lack any of it, or of what others did: then an answer is read, not made from what is
        known. Raises `StoreUnavailable` or `Overloaded` if the commit did not succeed in time; it may have happened.
        """
        errors.writing.set(True)
        await self._events.commit(event)

        def made() -> list[Awaitable[None]]:
            values, token, ttl_s = leased
            fill = [self._cache.fill(values, token, ttl_s=ttl_s)] if values else []
            return [self._log.append([event]), *fill]

        if not await self._tell_redis(event, made, by=by):
            return False
        metrics.EVENTS_APPENDED.record(by="command")
        return not self._guard.active

    async def invalidate(self, event: Event, *, by: UserId | None = None) -> None:
        """Invalidate what an event would make stale, and note it.

        For one that turned out to be in force, and not for long: a try whose commit took too long to be answered went
        no further, until the reconciler comes by.
        """
        await self._tell_redis(event, by=by)

    async def _tell_redis(
        self, event: Event, made: Callable[[], list[Awaitable[None]]] | None = None, *, by: UserId | None = None
    ) -> bool:
        """Bring an event to Redis, with what is `made` of a new one; all of it may be repeated.

        What is noted is in the log by then: counts tell by the time whether they hold it. If Redis stalls the answer
        waits, longer than its breaker stays open; else not.
        """
        acts = acts_of(event, repeated=made is None)
        tries = 1 if self._guard.active else _TRIES_MAX
        while True:  # no library: its bookkeeping took longer than the calls
            tries -= 1
            try:
                await asyncio.gather(invalidate(self._cache, (event,)), *(made() if made else ()))
                for user in dict.fromkeys((event.actor, by or event.actor)):
                    await self._cache.note(keys.own_acts(user), acts)
            except (StoreUnavailable, Overloaded) as error:
                if tries:
                    await self._sleep(_WAIT_S)
                    continue
                logger().warning("left to the reconciler", event_id=event.event_id, error=str(error))
                with suppress(StoreUnavailable):  # it is committed, whoever knows of it
                    await self._guard.report_failure()
                return False
            return True
