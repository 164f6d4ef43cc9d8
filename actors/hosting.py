"""Hosting: runs a component on an event-loop thread of its own, and publishes a heartbeat."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import uvloop

from domain.clock import Clock
from domain.errors import EngineError
from storage import keys
from storage.ports.cache import CacheStore
from telemetry.logs import logger

WAIT_MS = 500
"""The longest time that a step waits for something to do."""
_BACK_OFF_MS = (50, 100, 200, 400, 800)
_BEAT_EVERY_MS = 1_000
_BEAT_TTL_S = 10

Step = Callable[[int], Awaitable[float]]
"""One turn of a loop: given how long it may wait for something to do, in ms, it returns the pause after it, in s.

A stop waits for a turn, and not for a pause.
"""


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the engine that can be hosted."""

    step: Step
    close: Callable[[], Awaitable[None]]
    """Finishes what was begun, then lets go of connections."""
    cache: CacheStore
    """The heartbeat is left there, where every replica can read it."""


@dataclass(frozen=True, slots=True)
class Health:
    """The health of a hosted component."""

    running: bool
    beat_age_ms: int
    """Milliseconds since the last turn ended well or in an error that will be retried."""
    error: str
    """The last turn's error, empty if it went well."""
    node: str | None = None
    """The node that it runs on, if its host says so."""


class Host:
    """Runs one component until it is stopped, and leaves a heartbeat after its turns.

    An `EngineError` (a store that is away) is retried with a growing delay for ever; any other error is a mistake of
    ours, on which `crashed` is called: it ends the process, so that a new one is started.
    """

    def __init__(
        self,
        name: str,
        open_: Callable[[], Awaitable[Component]],
        clock: Clock,
        crashed: Callable[[], None],
        node: str | None = None,
    ) -> None:
        self._name = name
        self._open = open_
        self._clock = clock
        self._crashed = crashed
        self._node = node
        self._beat_ms = clock.monotonic_ms()
        self._published_ms = 0
        self._error = ""
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._component: Component | None = None
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def health(self) -> Health:
        """The health as of now; never waits."""
        running = self._thread.is_alive() and self._component is not None
        return Health(running, self._clock.monotonic_ms() - self._beat_ms, self._error, self._node)

    def stop(self, timeout_s: float) -> bool:
        """Ask for an orderly end and wait for it. False if it took too long."""
        if self._loop is None:
            self._stopping.set()
        else:
            with suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            uvloop.run(self._run())
        except BaseException:
            logger().exception("crashed", actor=self._name)
            self._crashed()
            raise

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping.is_set():
            try:
                if self._component is None:
                    self._component = await self._open()
                pause_s = await self._component.step(WAIT_MS)
                await self._publish_heartbeat(self._component.cache)
                failures, self._error = 0, ""
            except EngineError as error:
                if self._error != str(error):
                    logger().warning("will try again", actor=self._name, error=str(error))
                self._error = str(error) or type(error).__name__
                pause_s = _BACK_OFF_MS[min(failures, len(_BACK_OFF_MS) - 1)] / 1000
                failures += 1
            self._beat_ms = self._clock.monotonic_ms()
            if pause_s:
                await self._pause(pause_s)
        if self._component is not None:
            try:
                await self._component.close()
            except EngineError as error:
                logger().warning("could not finish", actor=self._name, error=str(error))

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()

    async def _publish_heartbeat(self, cache: CacheStore) -> None:
        if self._clock.monotonic_ms() - self._published_ms >= _BEAT_EVERY_MS:
            await cache.put({keys.heartbeat(self._name): b"alive"}, ttl_s=_BEAT_TTL_S)
            self._published_ms = self._clock.monotonic_ms()
