"""Invalidation: drops the cached values and lists that events have made stale."""

from collections.abc import Sequence

from typing_extensions import override

from actors.consumers.log_consumer import Handler
from domain.events import AnyEvent
from storage.effects import effects_of
from storage.ports.cache import CacheStore


class Invalidation(Handler):
    """Repeats what commands do to caches right after their commits, as a command may have died in between."""

    def __init__(self, cache: CacheStore) -> None:
        self._cache = cache

    @override
    async def handle(self, events: Sequence[AnyEvent]) -> None:
        effects = [effects_of(event) for event in events]
        if values := list(dict.fromkeys(key for effect in effects for key in effect.values)):
            await self._cache.drop(values)
        if lists := list(dict.fromkeys(key for effect in effects for key in effect.lists)):
            await self._cache.unlink(lists)
