"""Readiness asks everything, side by side, and waits for nothing long."""

import asyncio

from domain.errors import StoreUnavailable
from serve.readiness import Finding, Readiness


async def fine() -> str:
    return "3 nodes"


async def down() -> str:
    raise StoreUnavailable("redis", "refused")


async def hangs() -> str:
    await asyncio.Event().wait()
    return "never"


async def test_each_dependency_is_named_with_how_it_is() -> None:
    look = Readiness({"cassandra": fine, "redis": down, "ray": hangs}, timeout_s=0.01).look
    assert await look() == {
        "cassandra": Finding(True, "3 nodes"),
        "redis": Finding(False, "redis is not available: refused"),
        "ray": Finding(False, "no answer within 0.01 s"),
    }
