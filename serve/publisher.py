"""How a decided fact becomes durable and known: commit, caches, log."""

import secrets
from contextlib import suppress

from tenacity import retry, retry_if_exception_type, stop_after_attempt

from domain.errors import Overloaded, StoreUnavailable
from domain.events import Event
from serve.doubts import Doubts
from storage.effects import effects_of
from storage.ports import CacheStore, EventLog, EventStore
from telemetry import metrics
from telemetry.logs import logger

_TRIES_MAX = 3


class Publisher:
    """Publishes events. After the commit nothing can fail: what Redis misses, the reconciler makes up for."""

    def __init__(self, events: EventStore, cache: CacheStore, log: EventLog, doubts: Doubts) -> None:
        self._doubts = doubts
        self._events = events
        self._cache = cache
        self._log = log

    async def publish(self, event: Event, known: dict[str, bytes] | None = None, *, ttl_s: int = 0) -> None:
        """Commit an event, forget what it makes stale, keep `known` values about what it creates, append it.

        Leases that are taken before the commit guard the known values: who knows better by then has the last word.
        Raises `StoreUnavailable` or `Overloaded` if the commit did not succeed in time; it may have happened.
        """
        token = secrets.token_hex(8)
        if known:
            with suppress(StoreUnavailable, Overloaded):  # without a lease nothing is kept
                await self._cache.lease(list(known), token)
        await self._events.commit(event)
        if known:
            with suppress(StoreUnavailable, Overloaded):
                await self._cache.fill(known, token, ttl_s=ttl_s)
        await self.again(event)

    async def again(self, event: Event) -> None:
        """Append an event that was committed, and forget what it makes stale."""
        if await self._told(event, append=True):
            metrics.EVENTS_APPENDED.record(by="command")

    async def forget(self, event: Event) -> None:
        """Forget what an event would make stale.

        For one that turned out to be in force: a try whose commit took too long to be answered went no further.
        """
        await self._told(event, append=False)

    async def _told(self, event: Event, *, append: bool) -> bool:
        try:
            await self._tell(event, append=append)
        except (StoreUnavailable, Overloaded) as error:
            self._doubts.note()
            logger().warning("left to the reconciler", event_id=event.event_id, error=str(error))
            return False
        return True

    @retry(
        stop=stop_after_attempt(_TRIES_MAX), retry=retry_if_exception_type((StoreUnavailable, Overloaded)), reraise=True
    )
    async def _tell(self, event: Event, *, append: bool) -> None:
        """Caches and log; all of it may be repeated.

        Tried again at once, as each try has waited by itself: if Redis only stalls, the answer comes after the append,
        and authors read their own writes.
        """
        effects = effects_of(event)
        if effects.values:
            await self._cache.drop(effects.values)
        if effects.lists:
            await self._cache.unlink(effects.lists)
        if append:
            await self._log.append([event])
