"""Which requests are counted together, for whom, and what happens at the limit."""

import pytest

from domain.clock import ManualClock
from domain.ids import UserId
from serve.rate_limits import Guard, Limit, RateLimits
from storage.redis.limits import LocalRateLimiter

ALICE, BOB = UserId(1), UserId(2)
PEER = "203.0.113.9"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def guard(clock: ManualClock, *, on: bool = True, proxies: tuple[str, ...] = (), **rates: int) -> Guard:
    return Guard(LocalRateLimiter(clock, 100), clock, rates=RateLimits(**rates), on=on, trusted_proxies=proxies)


async def granted(guard: Guard, limit: Limit, user: UserId | None = ALICE, peer: str = PEER) -> bool:
    allowance = await guard.take(limit, user, peer, None)
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
    ],
)
def test_the_defaults(limit: Limit, expected: list[tuple[int, int, int]]) -> None:
    buckets = RateLimits().buckets(limit, "u1")
    assert [(bucket.capacity, bucket.tokens, bucket.period_s) for bucket in buckets] == expected
    assert len({bucket.key for bucket in buckets}) == len(buckets)


def test_the_buckets_of_one_client_lie_together_in_a_redis_cluster() -> None:
    assert all(bucket.key.startswith("{u1}") for bucket in RateLimits().buckets(Limit.TWEETS, "u1"))


async def test_zero_turns_a_limit_off(clock: ManualClock) -> None:
    off = guard(clock, login_per_minute=0, tweets_per_second=0, tweets_per_day=2)
    assert await off.take(Limit.LOGIN, None, PEER, None) is None
    assert [await granted(off, Limit.TWEETS) for _ in range(3)] == [True, True, False]


async def test_all_limits_can_be_off(clock: ManualClock) -> None:
    assert await guard(clock, on=False, login_per_minute=1).take(Limit.LOGIN, None, PEER, None) is None


async def test_a_burst_then_one_each_second(clock: ManualClock) -> None:
    limited = guard(clock)
    assert [await granted(limited, Limit.TWEETS) for _ in range(6)] == [True] * 5 + [False]
    clock.advance(1_000)
    assert [await granted(limited, Limit.TWEETS) for _ in range(2)] == [True, False]


async def test_a_refused_request_takes_nothing_of_the_other_bucket(clock: ManualClock) -> None:
    limited = guard(clock, tweets_per_day=6)
    for _ in range(50):
        await granted(limited, Limit.TWEETS)
    clock.advance(5_000)
    assert await granted(limited, Limit.TWEETS)


async def test_users_do_not_share_a_limit_but_one_address_does(clock: ManualClock) -> None:
    limited = guard(clock, reads_per_quarter_hour=1, login_per_minute=1)
    assert await granted(limited, Limit.READS, ALICE)
    assert await granted(limited, Limit.READS, BOB)
    assert not await granted(limited, Limit.READS, ALICE)
    assert await granted(limited, Limit.LOGIN, None)
    assert not await granted(limited, Limit.LOGIN, None)
    assert await granted(limited, Limit.LOGIN, None, "203.0.113.10")


async def test_a_client_is_told_what_is_left_and_when_to_come_back(clock: ManualClock) -> None:
    limited = guard(clock, login_per_minute=2)
    first = await limited.take(Limit.LOGIN, None, PEER, None)
    assert first is not None
    now_s = clock.now_ms() // 1000
    assert limited.headers(first) == [
        (b"x-ratelimit-limit", b"2"),
        (b"x-ratelimit-remaining", b"1"),
        (b"x-ratelimit-reset", b"%d" % (now_s + 30)),
    ]
    await limited.take(Limit.LOGIN, None, PEER, None)
    refused = await limited.take(Limit.LOGIN, None, PEER, None)
    assert refused is not None
    assert not refused.allowed
    assert limited.refusal(Limit.LOGIN, refused).retry_after_s == 30


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "origin", "why"),
    [
        ("203.0.113.9", None, "203.0.113.9", "a direct client"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9", "a stranger's header is not believed"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1", "a trusted proxy's is"),
        ("10.0.0.2", None, "10.0.0.2", "a trusted proxy that says nothing speaks for itself"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1", "what stood there before was written by the client"),
        ("10.0.0.2", "198.51.100.1, 10.0.0.3", "198.51.100.1", "two proxies in a row"),
        ("10.0.0.2", "198.51.100.1, garbage", "10.0.0.2", "an unreadable hop ends the search"),
        ("10.0.0.2", ", ,", "10.0.0.2", "so does an empty one"),
        ("::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1", "IPv4 in IPv6 is IPv4"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64", "an IPv6 customer has a /64"),
        ("", "198.51.100.1", "unknown", "no peer at all"),
        ("203.0.113.9", "10.0.0.2, 10.0.0.3", "203.0.113.9", "nobody becomes a proxy by naming proxies"),
        ("::ffff:203.0.113.9", None, "203.0.113.9", "one client in two families is one client"),
        ("10.0.0.2", "::ffff:198.51.100.1", "198.51.100.1", "behind a proxy too"),
        ("10.0.0.2", "2001:DB8:1:2::5", "2001:db8:1:2::/64", "in any spelling"),
        ("10.0.0.2", "2001:db8:1:2::5%eth0", "2001:db8:1:2::/64", "whatever zone it names"),
        ("10.0.0.2", "198.51.100.1:4711", "10.0.0.2", "a port makes no new client"),
        ("10.0.0.2", "[2001:db8:1:2::5]:4711", "10.0.0.2", "nor do brackets"),
        ("10.0.0.2", "0306.0063.0144.1", "10.0.0.2", "nor do other numbers"),
        ("10.0.0.2", "6.6.6.6, " + "10.0.0.3, " * 30 + "10.0.0.4", "10.0.0.3", "a list is not read without end"),
    ],
)
def test_where_a_request_comes_from(peer: str, forwarded_for: str | None, origin: str, why: str) -> None:
    assert guard(ManualClock(), proxies=("10.0.0.0/24",)).origin(peer, forwarded_for) == origin, why
