"""Invalidation: drops the cached values and lists that events have made stale."""

from collections.abc import Sequence

from typing_extensions import override

from actors.consumers.log_consumer import Handler
from domain.events import AnyEvent
from storage.ports.cache import CacheStore
from storage.projections import invalidate


class Invalidation(Handler):
    """Repeats what commands do to caches right after their commits, as a command may have died in between."""

    def __init__(self, cache: CacheStore) -> None:
        self._cache = cache

    @override
    async def handle(self, events: Sequence[AnyEvent]) -> None:
        await invalidate(self._cache, events)
