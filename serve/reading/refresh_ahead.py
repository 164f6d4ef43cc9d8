"""Refresh-ahead cache of one value: requests need it, and hardly ever wait for it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

from domain.clock import Clock

T = TypeVar("T")


class RefreshAhead(Generic[T]):
    """A value of a store, as it stood less than `stale_ms` before it is asked for.

    One older than `refresh_ms` is read again in the background; who asks waits for that only if it is older than
    `stale_ms`. If the store does not answer so soon, a value of up to `trusted_ms` ago will do.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        clock: Clock,
        *,
        refresh_ms: int,
        stale_ms: int,
        trusted_ms: int | None = None,
    ) -> None:
        assert 0 < refresh_ms < stale_ms <= (trusted_ms or stale_ms)
        self._read = read
        self._clock = clock
        self._refresh_ms = refresh_ms
        self._stale_ms = stale_ms
        self._trusted_ms = trusted_ms or stale_ms
        self._known: tuple[int, T] | None = None
        """Since when the value may be out of date (monotonic), and the value."""
        self._reading: asyncio.Task[None] | None = None

    async def current(self) -> T:
        """The value. Raises what reading raises, if it is too old, or not known."""
        asked_ms = self._clock.monotonic_ms()
        if self._is_older(asked_ms, self._refresh_ms):
            self._begin()
        if self._is_older(asked_ms, self._stale_ms) and not self._is_older(asked_ms, self._trusted_ms):
            await asyncio.wait({self._begin()}, timeout=self._stale_ms / 1000)
        while self._is_older(asked_ms, self._trusted_ms):
            await asyncio.shield(self._begin())
        assert self._known is not None, "what is not known is too old"
        return self._known[1]

    def _is_older(self, asked_ms: int, than_ms: int) -> bool:
        return self._known is None or asked_ms - self._known[0] >= than_ms

    def _begin(self) -> asyncio.Task[None]:
        if self._reading is None or self._reading.done():
            self._reading = spawn_background(self._read_again())
        return self._reading

    async def _read_again(self) -> None:
        begun_ms = self._clock.monotonic_ms()
        self._known = begun_ms, await self._read()


def spawn_background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task that outlives its caller; its error goes to those who await it."""
    task = asyncio.create_task(work)
    task.add_done_callback(lambda task: task.cancelled() or task.exception())
    return task
