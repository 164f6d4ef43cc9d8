"""Repair, which removes the rows of superseded events, and invalidation, which drops what events have made stale."""

import asyncio

from typing_extensions import override

from actors.consumers.log_consumer import Batch, Handler
from domain.events import AnyEvent
from domain.relations import relation_of
from storage.ports import Ports
from storage.ports.cache import CacheStore
from storage.projections import invalidate
from storage.projections.relations import superseded_values
from telemetry import metrics

_AT_ONCE = 32
"""Relations that are read side by side."""


class Invalidation(Handler):
    """Repeats what commands do to caches right after their commits, as a command may have died in between."""

    def __init__(self, cache: CacheStore) -> None:
        self._cache = cache

    @override
    async def handle(self, batch: Batch) -> None:
        await invalidate(self._cache, batch.own)


class Repair(Handler):
    """Reads the relation of each event again: of several commands that raced for it, all but one left rows behind."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    @override
    async def handle(self, batch: Batch) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def repair(event: AnyEvent) -> None:
            async with gate:
                await self._repair(event)

        await asyncio.gather(*map(repair, batch.own))

    async def _repair(self, event: AnyEvent) -> None:
        relation = relation_of(event)
        if relation is None:
            return
        state = await self._ports.relations.state(relation, event.actor, relation.target_of(event))
        if not state.superseded:
            return
        metrics.SAFEGUARDS.record(safeguard="superseded")
        await self._ports.events.remove_superseded(event, state)
        if values := superseded_values(event, state):
            await self._ports.cache.drop(values)
