"""Pulled authors, as this process knows them."""

from domain.clock import Clock
from domain.fanout import Pulled
from domain.limits import Limits
from serve.reading.refresh_ahead import RefreshAhead
from storage.ports.coordination import CoordinationStore


class PulledAuthors:
    """The pulled set, never older than half the grace period.

    A set older than `pulled_refresh_ms` is read again; readers wait for that only when the old one may be wrong,
    which is when an author who crossed the threshold since might no longer be pushed.
    """

    def __init__(self, coordination: CoordinationStore, clock: Clock, limits: Limits) -> None:
        self._coordination = coordination
        self._grace_ms = limits.pulled_grace_ms
        self._pulled = RefreshAhead(
            self._read, clock, refresh_ms=limits.pulled_refresh_ms, stale_ms=limits.pulled_grace_ms // 2
        )

    async def current(self) -> Pulled:
        """The pulled authors. Raises `StoreUnavailable` if they cannot be known well enough."""
        return await self._pulled.current()

    async def _read(self) -> Pulled:
        return Pulled(await self._coordination.pulled(), self._grace_ms)
