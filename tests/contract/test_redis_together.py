"""Look-ups that go together: each gets its own replies, and none waits for long."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from domain.errors import StoreUnavailable
from domain.limits import SMALL
from storage.redis import RedisStores, open_stores
from storage.redis.client import RedisClient
from tests.contract.conftest import PARTITIONS, PrivateRedis


@pytest.fixture
async def stores(private_redis: PrivateRedis) -> AsyncIterator[RedisStores]:
    """Stores on a server of the test's own, which runs."""
    await private_redis.start()
    opened = await open_stores(private_redis.url, PARTITIONS, SMALL)
    yield opened
    await opened.close()


async def test_each_of_many_callers_gets_its_own_values_in_few_trips(
    stores: RedisStores, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stores.cache.put({f"k{n}": b"%d" % n for n in range(300)}, ttl_s=60)
    trips, run = 0, RedisClient.run

    async def counted(client: RedisClient, *args: object, **options: object) -> list[object]:
        nonlocal trips
        trips += 1
        return await run(client, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(RedisClient, "run", counted)
    found = await asyncio.gather(*(stores.cache.fetch((), (f"k{n}", "absent")) for n in range(300)))
    assert [values for _, values in found] == [[b"%d" % n, None] for n in range(300)]
    assert trips < 30


async def test_a_caller_that_goes_away_takes_nobody_along(stores: RedisStores) -> None:
    await stores.cache.put({f"k{n}": b"%d" % n for n in range(50)}, ttl_s=60)
    callers = [asyncio.create_task(stores.cache.fetch((), (f"k{n}",))) for n in range(50)]
    await asyncio.sleep(0)
    for caller in callers[::3]:
        caller.cancel()
    found = await asyncio.gather(*callers, return_exceptions=True)
    for n, outcome in enumerate(found):
        if n % 3:
            assert outcome == ([], [b"%d" % n])
        else:
            assert isinstance(outcome, asyncio.CancelledError)


async def test_who_waits_for_a_server_that_hangs_is_told_within_3_s(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    await stores.cache.fetch((), ("a",))
    private_redis.pause()

    async def asked_after(seconds: float) -> tuple[type[BaseException] | None, float]:
        await asyncio.sleep(seconds)
        asked_s = time.monotonic()
        try:
            await stores.cache.fetch((), ("a",))
        except StoreUnavailable as error:
            return type(error), time.monotonic() - asked_s
        return None, time.monotonic() - asked_s

    outcomes = await asyncio.gather(*(asked_after(n / 20) for n in range(60)))
    assert {kind for kind, _ in outcomes} == {StoreUnavailable}
    assert max(seconds for _, seconds in outcomes) < 3
