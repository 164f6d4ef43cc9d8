"""How a decided fact becomes durable and known: commit, caches, log."""

from contextlib import suppress
from typing import Literal

from domain.errors import Overloaded, StoreUnavailable
from domain.events import Event
from storage.effects import effects_of
from storage.ports import CacheStore, EventLog, EventStore
from telemetry import metrics
from telemetry.logs import logger

By = Literal["command", "reconciler", "dead_letter"]


class Publisher:
    """Publishes events. After the commit nothing can fail: what Redis misses, the reconciler makes up for."""

    def __init__(self, events: EventStore, cache: CacheStore, log: EventLog) -> None:
        self._events = events
        self._cache = cache
        self._log = log

    async def publish(self, event: Event, known: dict[str, bytes] | None = None, *, ttl_s: int = 0) -> None:
        """Commit an event, forget what it makes stale, keep `known` values about what it creates, append it.

        Raises `StoreUnavailable` or `Overloaded` if the commit did not succeed in time; it may have happened.
        """
        if known:
            with suppress(StoreUnavailable, Overloaded):  # before the commit: afterwards others may know better
                await self._cache.put(known, ttl_s=ttl_s)
        await self._events.commit(event)
        effects = effects_of(event)
        try:
            if effects.values:
                await self._cache.drop(effects.values)
            if effects.lists:
                await self._cache.unlink(effects.lists)
            await self._log.append([event])
        except (StoreUnavailable, Overloaded) as error:
            logger().warning("left to the reconciler", event_id=event.event_id, error=str(error))
        else:
            metrics.EVENTS_APPENDED.record(by="command")
