"""Hosting: runs a component on an event-loop thread of its own, and publishes a heartbeat."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import uvloop

from domain.clock import Clock
from domain.errors import EngineError
from storage import keys
from storage.stores import Stores
from telemetry.logs import logger

WAIT_MS = 500
"""The longest time that a step waits for something to do."""
_BACK_OFF_MS = (50, 100, 200, 400, 800)
_BEAT_EVERY_MS = 1_000
_BEAT_TTL_S = 10


class Component(Protocol):
    """A part of the engine that can be hosted."""

    async def step(self) -> None:
        """Run one turn of the loop; it may wait up to `WAIT_MS`."""
        ...

    async def close(self) -> None:
        """Finish what was begun, then let go of connections."""
        ...


Open = Callable[[], Awaitable[Component]]


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
    """Runs one component until it is stopped.

    An `EngineError` (a store that is away) is retried with a growing delay for ever; any other error is a mistake of
    ours, on which `crashed` is called: it ends the process, so that a new one is started.
    """

    def __init__(self, name: str, open_: Open, clock: Clock, crashed: Callable[[], None]) -> None:
        self._name = name
        self._open = open_
        self._clock = clock
        self._crashed = crashed
        self._beat_ms = clock.monotonic_ms()
        self._error = ""
        self._stopping = threading.Event()
        self._component: Component | None = None
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def health(self) -> Health:
        """The health as of now; never waits."""
        running = self._thread.is_alive() and self._component is not None
        return Health(running, self._clock.monotonic_ms() - self._beat_ms, self._error)

    def stop(self, timeout_s: float) -> bool:
        """Ask for an orderly end and wait for it. False if it took too long."""
        self._stopping.set()
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
        failures = 0
        while not self._stopping.is_set():
            try:
                if self._component is None:
                    self._component = await self._open()
                await self._component.step()
                failures, self._error = 0, ""
            except EngineError as error:
                if self._error != str(error):
                    logger().warning("will try again", actor=self._name, error=str(error))
                self._error = str(error) or type(error).__name__
                delay_ms = _BACK_OFF_MS[min(failures, len(_BACK_OFF_MS) - 1)]
                failures += 1
                await asyncio.sleep(delay_ms / 1000)
            self._beat_ms = self._clock.monotonic_ms()
        if self._component is not None:
            try:
                await self._component.close()
            except EngineError as error:
                logger().warning("could not finish", actor=self._name, error=str(error))


class HeartbeatLoop:
    """A component that repeats one step, and leaves a heartbeat where every replica can read it."""

    def __init__(
        self,
        name: str,
        stores: Stores,
        clock: Clock,
        step: Callable[[int], Awaitable[None]],
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`step` is given how long it may wait for something to do, in ms; `finish` ends what it began."""
        self._key = keys.heartbeat(name)
        self._stores = stores
        self._clock = clock
        self._step = step
        self._finish = finish
        self._beat_ms = 0

    async def step(self) -> None:
        await self._step(WAIT_MS)
        if self._clock.monotonic_ms() - self._beat_ms >= _BEAT_EVERY_MS:
            await self._stores.ports.cache.put({self._key: b"alive"}, ttl_s=_BEAT_TTL_S)
            self._beat_ms = self._clock.monotonic_ms()

    async def close(self) -> None:
        try:
            if self._finish is not None:
                await self._finish()
        finally:
            await self._stores.close()
