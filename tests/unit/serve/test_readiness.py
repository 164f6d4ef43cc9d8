"""Readiness asks everything, side by side, and waits for nothing long."""

import asyncio
from collections.abc import Mapping

from domain.clock import ManualClock
from domain.errors import StoreUnavailable
from serve.operations.readiness import Check, Finding, Readiness, Word
from storage.desired_state import SHARDS, desired, shard_names
from tests.memory.coordination import MemoryCoordinationStore


async def fine() -> Word:
    return "answers"


async def down() -> Word:
    raise StoreUnavailable("redis", "refused")


async def hangs() -> Word:
    await asyncio.Event().wait()
    return "answers"


async def nobody() -> Mapping[str, Check]:
    return {}


async def test_each_dependency_is_named_with_how_it_is() -> None:
    readiness = Readiness({"cassandra": fine, "redis": down, "ray": hangs}, nobody, ManualClock(), timeout_s=0.01)
    assert await readiness.findings() == {
        "cassandra": Finding(True, "answers"),
        "redis": Finding(False, "unavailable"),
        "ray": Finding(False, "no_answer"),
    }


async def test_actors_are_those_that_are_wanted_now_and_while_nobody_knows_those_before() -> None:
    away = False

    async def turn() -> None:
        if away:
            raise StoreUnavailable("cassandra", "refused")

    coordination = MemoryCoordinationStore(turn)

    async def shards() -> Mapping[str, Check]:
        return dict(zip(shard_names(await desired(coordination, SHARDS)), (fine, down), strict=False))

    clock = ManualClock()
    readiness = Readiness({"cassandra": fine}, shards, clock)

    async def look() -> Mapping[str, Finding]:
        clock.advance(1_000)
        return await readiness.findings()

    assert (await look()).keys() == {"cassandra"}
    await coordination.set_checkpoint(SHARDS, 2)
    assert {name: found.ok for name, found in (await look()).items()} == {
        "cassandra": True,
        "fanout-0": True,
        "fanout-1": False,
    }
    away = True
    assert (await look()).keys() == {"cassandra", "fanout-0", "fanout-1"}
    away = False
    await coordination.set_checkpoint(SHARDS, 1)
    assert (await look()).keys() == {"cassandra", "fanout-0"}, "who leaves makes nothing red"


async def test_however_many_ask_one_look_is_under_way_and_good_for_a_second() -> None:
    looks, goes_on = 0, asyncio.Event()

    words: tuple[Word, ...] = ("answers", "alive")

    async def slow() -> Word:
        nonlocal looks
        looks += 1
        await goes_on.wait()
        return words[looks - 1]

    clock = ManualClock()
    readiness = Readiness({"cassandra": slow}, nobody, clock)
    crowd = [asyncio.create_task(readiness.findings()) for _ in range(100)]
    await asyncio.sleep(0)
    crowd[0].cancel()  # who began to ask goes away
    goes_on.set()
    found = await asyncio.gather(*crowd[1:])
    clock.advance(999)
    assert found == [await readiness.findings()] * 99 == [{"cassandra": Finding(True, "answers")}] * 99
    clock.advance(1)
    assert await readiness.findings() == {"cassandra": Finding(True, "alive")}
