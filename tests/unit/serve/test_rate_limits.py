"""Which requests are counted together, for whom, and what happens at the limit."""

import pytest
from typing_extensions import override

from domain.clock import ManualClock
from domain.errors import Overloaded
from domain.ids import UserId
from serve.http.origins import Origin, Origins
from serve.http.rate_limits import OFF, WIDER, Guard, Limit, RateLimits, refusal
from storage.ports.rate_limits import Allowance
from storage.redis.rate_limits import LocalRateLimiter

ALICE, BOB = UserId(1), UserId(2)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def at(address: str) -> Origin:
    return Origins().found(address, "")


PEER = at("203.0.113.9")


def guard(clock: ManualClock, **rates: int) -> Guard:
    return Guard(LocalRateLimiter(clock, 100), clock, RateLimits(**rates), Origins())


async def granted(guard: Guard, limit: Limit, user: UserId | None = ALICE, origin: Origin = PEER) -> bool:
    allowance = await guard.take(limit, user, origin)
    return allowance is None or allowance.allowed


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Limit.REGISTER, [(10, 10, 3_600)]),
        (Limit.LOGIN, [(10, 10, 60)]),
        (Limit.TWEETS, [(300, 300, 86_400), (5, 1, 1)]),
        (Limit.FOLLOWS, [(400, 400, 86_400)]),
        (Limit.LIKES, [(1_000, 1_000, 86_400)]),
        (Limit.READS, [(900, 900, 900)]),
        (Limit.ADDRESS, [(9_000, 9_000, 900)]),
        (Limit.REFUSALS, [(300, 300, 900)]),
        (Limit.FAILED_LOG_INS, [(25, 25, 3_600)]),
    ],
)
def test_the_defaults(limit: Limit, expected: list[tuple[int, int, int]]) -> None:
    buckets = RateLimits().of_user(limit, ALICE)
    assert [(bucket.capacity, bucket.tokens, bucket.period_s) for bucket in buckets] == expected
    assert len({bucket.key for bucket in buckets}) == len(buckets)


def test_the_buckets_of_one_client_lie_together_in_a_redis_cluster() -> None:
    assert all(bucket.key.startswith("{u1}") for bucket in RateLimits().of_user(Limit.TWEETS, ALICE))
    of_origin = RateLimits().of_origin(Limit.READS, at("2001:db8:1:2::5"))
    assert {bucket.key.partition("}")[0] for bucket in of_origin} == {"{a2001:db8:1::/56"}
    assert len({bucket.key for bucket in of_origin}) == 2


async def test_zero_turns_a_limit_off(clock: ManualClock) -> None:
    off = guard(clock, login_per_minute=0, address_per_quarter_hour=0, tweets_per_second=0, tweets_per_day=2)
    assert await off.take(Limit.LOGIN, None, PEER) is None
    assert [await granted(off, Limit.TWEETS) for _ in range(3)] == [True, True, False]


async def test_all_limits_can_be_off(clock: ManualClock) -> None:
    off = Guard(LocalRateLimiter(clock, 100), clock, OFF, Origins())
    assert [await off.take(limit, user, PEER) for limit in Limit for user in (ALICE, None)] == [None] * 2 * len(Limit)
    assert await off.take_refusal(Limit.REFUSALS, PEER) is None


async def test_a_burst_then_one_each_second(clock: ManualClock) -> None:
    limited = guard(clock)
    assert [await granted(limited, Limit.TWEETS) for _ in range(6)] == [True] * 5 + [False]
    clock.advance(1_000)
    assert [await granted(limited, Limit.TWEETS) for _ in range(2)] == [True, False]


async def test_a_refused_request_takes_nothing_of_the_other_buckets(clock: ManualClock) -> None:
    limited = guard(clock, tweets_per_day=6, address_per_quarter_hour=7)
    for _ in range(50):
        await granted(limited, Limit.TWEETS)
    clock.advance(5_000)
    assert await granted(limited, Limit.TWEETS), "the day's are not gone"
    assert await granted(limited, Limit.READS, BOB), "nor are those of everybody at this address"


async def test_users_do_not_share_a_limit_but_one_address_does(clock: ManualClock) -> None:
    limited = guard(clock, reads_per_quarter_hour=1, login_per_minute=1)
    assert await granted(limited, Limit.READS, ALICE)
    assert await granted(limited, Limit.READS, BOB)
    assert not await granted(limited, Limit.READS, ALICE)
    assert await granted(limited, Limit.LOGIN, None)
    assert not await granted(limited, Limit.LOGIN, None)
    assert await granted(limited, Limit.LOGIN, None, at("203.0.113.10"))


async def test_ten_accounts_at_one_address_have_what_one_address_has(clock: ManualClock) -> None:
    limited = guard(clock, reads_per_quarter_hour=10, address_per_quarter_hour=30)
    reads = [await granted(limited, Limit.READS, UserId(user)) for user in range(10) for _ in range(10)]
    assert sum(reads) == 30
    assert not await granted(limited, Limit.READS, None), "whoever asks"
    assert await granted(limited, Limit.READS, UserId(9), at("203.0.113.10")), "nobody is shut out elsewhere"


async def test_the_networks_of_an_ipv6_customer_share_wider_buckets(clock: ManualClock) -> None:
    limited = guard(clock, login_per_minute=2)
    logins = [await granted(limited, Limit.LOGIN, None, at(f"2001:db8:1:{n:x}::5")) for n in range(2 * WIDER + 1)]
    assert logins == [True] * 2 * WIDER + [False], (
        "one log-in each from many a /64, and then their /56 has had its share"
    )
    assert await granted(limited, Limit.LOGIN, None, at("2001:db8:1:100::5")), "the next /56 is somebody else"
    assert [await granted(limited, Limit.LOGIN, None, at("2001:db8:2::5")) for _ in range(3)] == [True, True, False]


async def test_a_client_is_told_what_is_left_and_when_to_come_back(clock: ManualClock) -> None:
    limited = guard(clock, login_per_minute=2)
    first = await limited.take(Limit.LOGIN, None, PEER)
    assert first is not None
    now_s = clock.now_ms() // 1000
    assert limited.headers(first) == [
        (b"x-ratelimit-limit", b"2"),
        (b"x-ratelimit-remaining", b"1"),
        (b"x-ratelimit-reset", b"%d" % (now_s + 30)),
    ]
    await limited.take(Limit.LOGIN, None, PEER)
    refused = await limited.take(Limit.LOGIN, None, PEER)
    assert refused is not None
    assert not refused.allowed
    assert (refusal(refused).limit, refusal(refused).retry_after_s) == ("login", 30)


async def test_a_refusal_names_the_limit_that_refused(clock: ManualClock) -> None:
    limited = guard(clock, address_per_quarter_hour=1)
    named = []
    for _ in range(2):
        allowance = await limited.take(Limit.READS, None, at("2001:db8::1"))
        assert allowance is not None
        named.append(refusal(allowance).limit)
    assert named == ["address", "address"]


async def test_a_refusal_that_cannot_be_counted_just_now_is_given_as_it_is(clock: ManualClock) -> None:
    class Busy(LocalRateLimiter):
        @override
        async def take(self, buckets: object) -> Allowance:
            raise Overloaded("redis", 100)

    limited = Guard(Busy(clock, 100), clock, RateLimits(), Origins())
    assert await limited.take_refusal(Limit.REFUSALS, PEER) is None
    with pytest.raises(Overloaded):
        await limited.take(Limit.READS, None, PEER)
