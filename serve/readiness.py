"""Readiness: every dependency asked, by name, side by side, each with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from domain.errors import EngineError

Check = Callable[[], Awaitable[str]]
"""Says how a dependency is, or raises an `EngineError`."""
Checks = Callable[[], Awaitable[Mapping[str, Check]]]
"""Whom to ask now, as that may change; may raise an `EngineError`."""


class Finding(NamedTuple):
    """What one check found."""

    ok: bool
    detail: str


class Readiness:
    """The checks of one replica: of what is always there, and of actors, of which there may be others than before."""

    def __init__(self, checks: Mapping[str, Check], actors: Checks, timeout_s: float = 1.0) -> None:
        self._checks = checks
        self._actors = actors
        self._timeout_s = timeout_s
        self._known: Mapping[str, Check] = {}
        """The actors when last known: they are asked though nobody can say who is there now."""

    async def look(self) -> dict[str, Finding]:
        """Ask all dependencies now."""
        found, actors = await asyncio.gather(self._found(self._checks), self._found_actors())
        return found | actors

    async def _found_actors(self) -> dict[str, Finding]:
        with suppress(EngineError, TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                self._known = await self._actors()
        return await self._found(self._known)

    async def _found(self, checks: Mapping[str, Check]) -> dict[str, Finding]:
        findings = await asyncio.gather(*(self._ask(check) for check in checks.values()))
        return dict(zip(checks, findings, strict=True))

    async def _ask(self, check: Check) -> Finding:
        try:
            async with asyncio.timeout(self._timeout_s):
                return Finding(True, await check())
        except TimeoutError:
            return Finding(False, f"no answer within {self._timeout_s:g} s")
        except EngineError as error:
            return Finding(False, str(error))
