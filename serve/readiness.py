"""Readiness: every dependency asked, by name, side by side, each with a time limit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from domain.errors import EngineError

Check = Callable[[], Awaitable[str]]
"""Says how a dependency is, or raises an `EngineError`."""


class Finding(NamedTuple):
    """What one check found."""

    ok: bool
    detail: str


class Readiness:
    """The checks of one replica."""

    def __init__(self, checks: Mapping[str, Check], timeout_s: float = 1.0) -> None:
        self._checks = checks
        self._timeout_s = timeout_s

    async def look(self) -> dict[str, Finding]:
        """Ask all dependencies now."""
        findings = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        return dict(zip(self._checks, findings, strict=True))

    async def _ask(self, check: Check) -> Finding:
        try:
            async with asyncio.timeout(self._timeout_s):
                return Finding(True, await check())
        except TimeoutError:
            return Finding(False, f"no answer within {self._timeout_s:g} s")
        except EngineError as error:
            return Finding(False, str(error))
