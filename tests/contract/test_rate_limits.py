"""Token buckets: bursts, refills, several at once, and Redis away."""

import pytest

from domain.clock import ManualClock, SystemClock
from domain.errors import StoreUnavailable
from domain.limits import SMALL
from storage.ports import Allowance, Bucket, RateLimiter
from storage.redis import RedisStores, open_stores
from storage.redis.limits import FallbackRateLimiter, LocalRateLimiter, RedisRateLimiter
from tests.contract.conftest import PARTITIONS, PrivateRedis, eventually


@pytest.fixture(params=["local", "redis"])
def limiter(request: pytest.FixtureRequest) -> RateLimiter:
    if request.param == "local":
        return LocalRateLimiter(SystemClock(), 100)
    stores: RedisStores = request.getfixturevalue("redis_stores")
    return RedisRateLimiter(stores.client)


def hourly(key: str, capacity: int) -> Bucket:
    return Bucket(key=key, capacity=capacity, tokens=capacity, period_s=3_600)


async def test_a_burst_is_granted_up_to_the_capacity(limiter: RateLimiter) -> None:
    bucket = hourly("post:alice", 3)
    granted = [await limiter.take([bucket]) for _ in range(3)]
    assert [(a.allowed, a.limit, a.remaining, a.retry_after_s) for a in granted] == [
        (True, 3, 2, 0),
        (True, 3, 1, 0),
        (True, 3, 0, 0),
    ]
    assert granted[0].reset_s == 1_200
    refused = await limiter.take([bucket])
    assert (refused.allowed, refused.remaining) == (False, 0)
    assert 1_190 < refused.retry_after_s <= 1_200
    assert 3_590 < refused.reset_s <= 3_600
    assert (await limiter.take([hourly("post:bob", 3)])).allowed


async def test_a_bucket_refills(limiter: RateLimiter) -> None:
    bucket = Bucket(key="read:alice", capacity=2, tokens=20, period_s=2)
    while (await limiter.take([bucket])).allowed:
        pass

    async def granted() -> bool:
        return (await limiter.take([bucket])).allowed

    await eventually(granted)


async def test_a_token_is_taken_of_each_bucket_or_of_none(limiter: RateLimiter) -> None:
    user, address = hourly("user:alice", 10), hourly("address:a", 2)
    assert (await limiter.take([user, address])).limit == 2
    assert (await limiter.take([user, address])).allowed
    for _ in range(3):
        refused = await limiter.take([user, address])
        assert (refused.allowed, refused.limit) == (False, 2)
    assert (await limiter.take([user])).remaining == 7


async def test_the_local_limiter_forgets_what_is_unused_for_longest() -> None:
    limiter = LocalRateLimiter(ManualClock(), 2)
    for key in ("a", "b", "a", "c"):
        await limiter.take([hourly(key, 5)])
    assert [(await limiter.take([hourly(key, 5)])).remaining for key in ("a", "c", "b")] == [2, 3, 4]


async def test_the_local_limiter_refills_evenly() -> None:
    clock = ManualClock()
    limiter = LocalRateLimiter(clock, 10)
    bucket = Bucket(key="a", capacity=1, tokens=6, period_s=60)
    assert await limiter.take([bucket]) == Allowance(True, 1, 0, 10, 0)
    clock.advance(9_000)
    assert await limiter.take([bucket]) == Allowance(False, 1, 0, 1, 1)
    clock.advance(1_000)
    assert (await limiter.take([bucket])).allowed


async def test_while_redis_is_away_each_process_counts_for_itself(private_redis: PrivateRedis) -> None:
    stores = await open_stores(private_redis.url, PARTITIONS, SMALL)
    bucket = hourly("post:alice", 2)
    assert [(await stores.limiter.take([bucket])).allowed for _ in range(3)] == [True, True, False]
    await stores.close()


async def test_only_an_unavailable_store_is_fallen_back_from() -> None:
    class Broken:
        def __init__(self, error: Exception) -> None:
            self._error = error

        async def take(self, buckets: object) -> Allowance:
            raise self._error

    local = LocalRateLimiter(SystemClock(), 10)
    assert (await FallbackRateLimiter(Broken(StoreUnavailable("redis")), local).take([hourly("a", 1)])).allowed
    with pytest.raises(ZeroDivisionError):
        await FallbackRateLimiter(Broken(ZeroDivisionError()), local).take([hourly("a", 1)])
