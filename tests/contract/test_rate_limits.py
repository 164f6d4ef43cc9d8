"""Token buckets: bursts, refills, several at once, and Redis away."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.clock import ManualClock, SystemClock
from domain.errors import StoreUnavailable
from domain.limits import SMALL
from storage.ports.rate_limits import Allowance, Bucket, RateLimiter
from storage.redis import RedisStores
from storage.redis.driver.line import Command
from storage.redis.rate_limits import FallbackRateLimiter, LocalRateLimiter, RedisRateLimiter
from tests.contract.conftest import LossyStores
from tests.contract.people import PARTITIONS
from tests.contract.private_redis import PrivateRedis
from tests.support.waiting import eventually


@pytest.fixture
def limiter(stores: LossyStores) -> RateLimiter:
    """In memory it is the one that each process falls back to."""
    return stores.limiter


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


async def test_what_is_given_back_can_be_taken_again_and_nothing_runs_over(limiter: RateLimiter) -> None:
    buckets = [hourly("{alice}login", 2), hourly("{bob}login", 2)]
    await limiter.give_back(buckets)
    assert (await limiter.take(buckets)).remaining == 1
    await limiter.give_back(buckets)
    assert [(await limiter.take(buckets)).allowed for _ in range(3)] == [True, True, False]
    await limiter.give_back(buckets[:1])
    assert [(await limiter.take([bucket])).allowed for bucket in buckets] == [True, False]


async def test_the_answer_names_the_bucket_that_allows_least(limiter: RateLimiter) -> None:
    user, address, network = hourly("{u}reads", 3), hourly("{a}reads", 2), hourly("{a}network", 9)
    assert [(await limiter.take([user, address, network])).bucket for _ in range(3)] == ["{a}reads"] * 3
    assert (await limiter.take([user, network])).bucket == "{u}reads"
    assert not (await limiter.take([user, network])).allowed
    assert (await limiter.take([network])).remaining == 9 - 3 - 1, "who is refused elsewhere takes nothing here"


async def test_a_granted_request_costs_one_trip(redis_stores: RedisStores, monkeypatch: pytest.MonkeyPatch) -> None:
    client = redis_stores.client
    limiter = RedisRateLimiter(client)
    buckets = [hourly("{u1}reads", 1), hourly("{a1}reads", 5), hourly("{a1}address", 5)]
    trips = []

    async def run(commands: Sequence[Command], *, repeat: bool = False, wait_ms: int = 0) -> list[Any]:
        trips.append(len(commands))
        return await sent(commands, repeat=repeat, wait_ms=wait_ms)

    sent = client.run
    monkeypatch.setattr(client, "run", run)
    assert (await limiter.take(buckets)).allowed
    assert trips == [2], "one trip, with a script for each hash tag"
    assert not (await limiter.take(buckets)).allowed
    assert trips == [2, 2, 1], "a second one gives back what the others took"


async def test_the_local_limiter_forgets_what_is_unused_for_longest() -> None:
    limiter = LocalRateLimiter(ManualClock(), 2)
    for key in ("a", "b", "a", "c"):
        await limiter.take([hourly(key, 5)])
    assert [(await limiter.take([hourly(key, 5)])).remaining for key in ("a", "c", "b")] == [2, 3, 4]


async def test_the_local_limiter_refills_evenly() -> None:
    clock = ManualClock()
    limiter = LocalRateLimiter(clock, 10)
    bucket = Bucket(key="a", capacity=1, tokens=6, period_s=60)
    assert await limiter.take([bucket]) == Allowance(True, 1, 0, 10, 0, "a")
    clock.advance(9_000)
    assert await limiter.take([bucket]) == Allowance(False, 1, 0, 1, 1, "a")
    clock.advance(1_000)
    assert (await limiter.take([bucket])).allowed


async def test_while_redis_is_away_each_process_counts_for_itself(private_redis: PrivateRedis) -> None:
    stores = RedisStores(private_redis.url, PARTITIONS, SMALL)
    bucket = hourly("post:alice", 2)
    assert [(await stores.limiter.take([bucket])).allowed for _ in range(3)] == [True, True, False]
    await stores.close()


async def test_only_an_unavailable_store_is_fallen_back_from() -> None:
    class Broken:
        def __init__(self, error: Exception) -> None:
            self._error = error

        async def take(self, buckets: object) -> Allowance:
            raise self._error

        async def give_back(self, buckets: object) -> None:
            raise self._error

    local = LocalRateLimiter(SystemClock(), 10)
    away = FallbackRateLimiter(Broken(StoreUnavailable("redis")), local)
    assert (await away.take([hourly("a", 1)])).allowed
    await away.give_back([hourly("a", 1)])
    assert (await away.take([hourly("a", 1)])).allowed
    with pytest.raises(ZeroDivisionError):
        await FallbackRateLimiter(Broken(ZeroDivisionError()), local).take([hourly("a", 1)])
