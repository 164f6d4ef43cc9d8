"""Waiting for what must become so, with a deadline that reports the last value seen."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    look: Callable[[], Awaitable[T]], holds: Callable[[T], bool] = bool, *, within_s: float = 10.0
) -> T:
    """Look until what is seen holds, or is true; fail with the last value seen."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        seen = await look()
        if holds(seen):
            return seen
        assert asyncio.get_running_loop().time() < deadline, f"not within {within_s} s; last seen: {seen!r}"
        await asyncio.sleep(0.05)
