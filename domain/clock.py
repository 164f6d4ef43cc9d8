"""Time as an argument: whoever needs it is given a clock."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


class Clock(Protocol):
    """Tells the time; wall time may jump, monotonic time never goes back."""

    def now_ms(self) -> int:
        """Wall clock, milliseconds since the Unix epoch."""

    def monotonic_ms(self) -> int:
        """Milliseconds since an arbitrary start, never decreasing."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms
        self._monotonic_ms = 0

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ms(self) -> int:
        return self._monotonic_ms

    def advance(self, by_ms: int) -> None:
        """Let time pass on both clocks."""
        assert by_ms >= 0
        self._now_ms += by_ms
        self._monotonic_ms += by_ms

    def jump(self, by_ms: int) -> None:
        """Set the wall clock forward or back, as an administrator or NTP may."""
        self._now_ms += by_ms
