"""Readiness: every dependency asked, by name, side by side, each with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from domain.clock import Clock
from domain.errors import EngineError, StoreUnavailable
from storage import keys
from storage.desired_state import GROUPS, desired
from storage.ports import Ports
from telemetry import logs

_FRESH_MS: Final = 1_000

Word = Literal["answers", "alive", "comes_up", "no_answer", "unavailable"]
"""State of a dependency. `comes_up`: others do its part meanwhile. Strangers are told no more; the reason is logged."""
Check = Callable[[], Awaitable[Word]]
"""Says how a dependency is, or raises an `EngineError`."""
Checks = Callable[[], Awaitable[Mapping[str, Check]]]
"""Finds the checks of now, as they may change; may raise an `EngineError`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """State of one dependency."""

    ok: bool
    detail: Word


class Readiness:
    """The checks of one replica: of what is always there, and of actors, of which there may be others than before."""

    def __init__(self, checks: Mapping[str, Check], actors: Checks, clock: Clock, timeout_s: float = 1.0) -> None:
        self._checks = checks
        self._actors = actors
        self._timeout_s = timeout_s
        self._known: Mapping[str, Check] = {}
        """The actors when last known: they are asked though nobody can say who is there now."""
        self._clock = clock
        self._look: asyncio.Task[dict[str, Finding]] | None = None
        """The last look, or the one under way: however many ask, there is one at a time."""
        self._seen_ms = 0

    async def findings(self) -> dict[str, Finding]:
        """The state of all dependencies, as seen a second ago at most."""
        if self._look is None or (self._look.done() and self._clock.monotonic_ms() - self._seen_ms >= _FRESH_MS):
            self._look = asyncio.create_task(self._look_around())
        return await asyncio.shield(self._look)

    async def _look_around(self) -> dict[str, Finding]:
        found, actors = await asyncio.gather(self._found(self._checks), self._found_actors())
        self._seen_ms = self._clock.monotonic_ms()
        return found | actors

    async def _found_actors(self) -> dict[str, Finding]:
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                self._known = await self._actors()
        return await self._found(self._known)

    async def _found(self, checks: Mapping[str, Check]) -> dict[str, Finding]:
        findings = await asyncio.gather(*(self._ask(name, check) for name, check in checks.items()))
        return dict(zip(checks, findings, strict=True))

    async def _ask(self, name: str, check: Check) -> Finding:
        try:
            async with asyncio.timeout(self._timeout_s):
                return Finding(True, await check())
        except TimeoutError:
            return Finding(False, "no_answer")
        except EngineError as error:
            logs.logger().warning("dependency unavailable", dependency=name, detail=str(error))
            return Finding(False, "unavailable")


def readiness_of(ports: Ports, actors: tuple[str, ...], clock: Clock) -> Readiness:
    """Readiness of both stores, of some actors, and of those that are scaled; an actor leaves a heartbeat in Redis."""

    async def cassandra() -> Word:
        await ports.coordination.checkpoint("ready")
        return "answers"

    async def redis() -> Word:
        await ports.log.incarnation()
        return "answers"

    def actor(name: str, absent: Word | None = None) -> Check:
        async def check() -> Word:
            _, (beat,) = await ports.cache.fetch((), (keys.heartbeat(name),))
            if beat is not None:
                return "alive"
            if absent is None:
                raise StoreUnavailable(name, "no sign of life in the last seconds")
            return absent

        return check

    async def current_actors() -> Mapping[str, Check]:
        found = {name: actor(name) for name in actors}
        for group in GROUPS:
            names = group.names(await desired(ports.coordination, group.desired))
            up = await desired(ports.coordination, group.up)
            found |= {name: actor(name) for name in names[:up]}
            found |= {name: actor(name, absent="comes_up") for name in names[up:]}
        return found

    return Readiness({"cassandra": cassandra, "redis": redis}, current_actors, clock)
