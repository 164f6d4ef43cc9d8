"""Guessing a password ends soon, and shuts out nobody who was there before."""

import pytest

from domain.clock import ManualClock
from domain.errors import Overloaded, StoreUnavailable, Unauthorized
from domain.limits import SMALL
from serve.accounts.login_throttle import KNOWN_S, LoginThrottle
from serve.http.errors import RateLimited
from serve.http.rate_limits import OFF, RateLimits
from storage.redis.rate_limits import LocalRateLimiter
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis

HOME, CAFE = "198.51.100.0/24", "203.0.113.0/24"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def redis(clock: ManualClock) -> MemoryRedis:
    return MemoryRedis(clock)


@pytest.fixture
def throttle(clock: ManualClock, redis: MemoryRedis) -> LoginThrottle:
    rates = RateLimits(failed_log_ins_per_hour=3)
    return LoginThrottle(LocalRateLimiter(clock, 100), MemoryCacheStore(redis, SMALL), rates)


async def logs_in(throttle: LoginThrottle, login: str = "alice", network: str = HOME) -> None:
    async with throttle.attempt(login, network):
        pass


async def fails(throttle: LoginThrottle, login: str = "alice", network: str = CAFE, *, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            async with throttle.attempt(login, network):
                raise Unauthorized("Wrong.", "invalid_credentials")


async def is_refused(throttle: LoginThrottle, login: str = "alice", network: str = CAFE) -> bool:
    try:
        await logs_in(throttle, login, network)
    except RateLimited:
        return True
    return False


async def test_guessing_ends_wherever_it_comes_from_and_whoever_exists(throttle: LoginThrottle) -> None:
    for login in ("alice", "nobody@example.com"):
        for n in range(3):
            await fails(throttle, login, f"203.0.{n}.0/24")
        assert await is_refused(throttle, login, "192.0.2.0/24")
        assert await is_refused(throttle, f" {login.upper()}", "192.0.2.0/24"), "in any spelling"
    assert not await is_refused(throttle, "bob", "203.0.0.0/24"), "others may"


async def test_who_logs_in_rightly_is_never_refused(throttle: LoginThrottle) -> None:
    for _ in range(20):
        await logs_in(throttle, network=CAFE)
    await fails(throttle, times=2)
    await logs_in(throttle, network=CAFE)


async def test_the_owner_logs_in_from_where_they_did_before_while_others_guess(throttle: LoginThrottle) -> None:
    await logs_in(throttle, network=HOME)
    await fails(throttle, network=CAFE, times=3)
    assert await is_refused(throttle, network=CAFE)
    assert not await is_refused(throttle, network=HOME)
    await fails(throttle, network=HOME, times=3)
    assert await is_refused(throttle, network=HOME), "guessing from there ends too"


async def test_a_network_is_forgotten_in_the_end(throttle: LoginThrottle, clock: ManualClock) -> None:
    await logs_in(throttle, network=HOME)
    clock.advance(KNOWN_S * 1000)
    await fails(throttle, network=CAFE, times=3)
    assert await is_refused(throttle, network=HOME)


async def test_tokens_come_back_evenly(throttle: LoginThrottle, clock: ManualClock) -> None:
    await fails(throttle, times=3)
    with pytest.raises(RateLimited) as caught:
        await logs_in(throttle)
    assert (caught.value.limit, caught.value.retry_after_s) == ("failed_log_ins", 1_200)
    clock.advance(1_200_000)
    await fails(throttle)
    assert await is_refused(throttle)


async def test_an_attempt_that_learnt_nothing_is_not_counted(throttle: LoginThrottle) -> None:
    for error in [StoreUnavailable("cassandra"), Overloaded("passwords", 1_000)] * 5:
        with pytest.raises(type(error)):
            async with throttle.attempt("alice", HOME):
                raise error
    assert not await is_refused(throttle)


async def test_one_that_is_given_up_half_way_stays_counted(throttle: LoginThrottle) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            async with throttle.attempt("alice", CAFE):
                raise KeyboardInterrupt
    assert await is_refused(throttle)


async def test_without_redis_nobody_is_known_and_everybody_is_counted(clock: ManualClock, redis: MemoryRedis) -> None:
    async def away() -> None:
        raise StoreUnavailable("redis")

    cache = MemoryCacheStore(redis, SMALL, away)
    throttle = LoginThrottle(LocalRateLimiter(clock, 100), cache, RateLimits(failed_log_ins_per_hour=3))
    await logs_in(throttle, network=HOME)
    await fails(throttle, times=3)
    assert await is_refused(throttle, network=HOME)


async def test_a_right_password_is_let_in_though_redis_is_too_busy_to_remember_from_where(
    clock: ManualClock, redis: MemoryRedis
) -> None:
    async def busy() -> None:
        raise Overloaded("redis", 100)

    cache = MemoryCacheStore(redis, SMALL, busy)
    throttle = LoginThrottle(LocalRateLimiter(clock, 100), cache, RateLimits(failed_log_ins_per_hour=3))
    await logs_in(throttle)


async def test_it_can_be_off(clock: ManualClock, redis: MemoryRedis) -> None:
    throttle = LoginThrottle(LocalRateLimiter(clock, 100), MemoryCacheStore(redis, SMALL), OFF)
    await fails(throttle, times=50)
    await logs_in(throttle)
