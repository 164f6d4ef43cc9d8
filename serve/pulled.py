"""What this process knows of the authors who are pulled at read time."""

import asyncio

from domain.clock import Clock
from domain.fanout import Pulled
from domain.limits import Limits
from storage.ports import CoordinationStore


class PulledAuthors:
    """The pulled set, never older than half the grace period.

    A set older than `pulled_refresh_ms` is read again; readers wait for that only when the old one may be wrong,
    which is when an author who crossed the threshold since might no longer be pushed.
    """

    def __init__(self, coordination: CoordinationStore, clock: Clock, limits: Limits) -> None:
        self._coordination = coordination
        self._clock = clock
        self._limits = limits
        self._pulled = Pulled({}, limits.pulled_grace_ms)
        self._read_ms: int | None = None
        self._reading: asyncio.Task[None] | None = None

    async def current(self) -> Pulled:
        """The pulled authors. Raises `StoreUnavailable` if they cannot be known well enough."""
        now_ms = self._clock.monotonic_ms()
        if self._read_ms is None or now_ms - self._read_ms >= self._limits.pulled_refresh_ms:
            reading = self._refresh()
            if self._read_ms is None or now_ms - self._read_ms >= self._limits.pulled_grace_ms // 2:
                await asyncio.shield(reading)
        return self._pulled

    def _refresh(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(_retrieved)
        return self._reading

    async def _read(self) -> None:
        began_ms = self._clock.monotonic_ms()
        self._pulled = Pulled(await self._coordination.pulled(), self._limits.pulled_grace_ms)
        self._read_ms = began_ms


def _retrieved(task: asyncio.Task[None]) -> None:
    """Note that a failed refresh is known: the adapter counted it, and readers who depend on it see it raised."""
    if not task.cancelled():
        task.exception()
