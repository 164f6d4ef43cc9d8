"""Rate limits: which there are, whom each counts, and what they say to a request."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from typing import Final

from domain.clock import Clock
from domain.errors import Overloaded
from domain.ids import UserId
from serve.http.errors import RateLimited
from serve.http.origins import Origin, Origins
from storage.ports.rate_limits import Allowance, Bucket, RateLimiter
from telemetry import metrics

WIDER: Final = 4
"""Multiple of what one client may do that is granted to the /56 around it."""

_REMEMBERED: Final = 4_096
"""Sets of buckets that are not made again."""


class Limit(StrEnum):
    """Requests counted together. Whatever has no limit of its own (undoing, refreshing a token) counts as a read."""

    REGISTER = "register"
    LOGIN = "login"
    TWEETS = "tweets"
    FOLLOWS = "follows"
    LIKES = "likes"
    READS = "reads"
    ADDRESS = "address"
    """Everything of one address, whoever the users are."""
    REFUSALS = "refusals"
    """Refusals to an address that were counted for no user: bad tokens, unknown routes, malformed bodies."""
    FAILED_LOG_INS = "failed_log_ins"
    """Wrong passwords for one login, from anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Rates of all limits; 0 turns one off. Retweets count as tweets, bookmarks as likes."""

    register_per_hour: int = 10
    login_per_minute: int = 10
    tweets_per_day: int = 300
    tweets_per_second: int = 1
    tweets_burst: int = 5
    follows_per_day: int = 400
    likes_per_day: int = 1_000
    reads_per_quarter_hour: int = 900
    address_per_quarter_hour: int = 9_000
    refusals_per_quarter_hour: int = 300
    failed_log_ins_per_hour: int = 25

    def __post_init__(self) -> None:
        """Assert what buckets rely on."""
        assert self.tweets_burst >= 1 or not self.tweets_per_second, "a bucket that holds nothing grants nothing"

    def of_user(self, limit: Limit, user: UserId) -> list[Bucket]:
        """The buckets of a limit that a user's request is taken from; none if it is off."""
        return self.buckets(limit, f"{{u{user}}}")

    def of_origin(self, limit: Limit, origin: Origin) -> list[Bucket]:
        """The buckets of a limit that a request is taken from by where it comes from.

        The larger block around a client has buckets of its own, and the hash tag: one script takes from all of them.
        """
        narrow, *wide = origin.blocks
        tag = f"{{a{origin.blocks[-1]}}}"
        return [
            *self.buckets(limit, f"{tag}{narrow}"),
            *(bucket for block in wide for bucket in self.buckets(limit, f"{tag}{block}", WIDER)),
        ]

    def buckets(self, limit: Limit, whose: str, times: int = 1) -> list[Bucket]:
        """The buckets of a limit for whoever is meant, so many times as large; none if it is off."""
        return [
            Bucket(key=f"{whose}:{limit}:{period}", capacity=capacity * times, tokens=tokens * times, period_s=period)
            for capacity, tokens, period in _RULES[limit](self)
            if tokens
        ]


def _even(tokens: int, period_s: int) -> tuple[int, int, int]:
    return tokens, tokens, period_s


_RULES: Final[dict[Limit, Callable[[RateLimits], Sequence[tuple[int, int, int]]]]] = {
    Limit.REGISTER: lambda rates: [_even(rates.register_per_hour, 3_600)],
    Limit.LOGIN: lambda rates: [_even(rates.login_per_minute, 60)],
    Limit.TWEETS: lambda rates: [
        _even(rates.tweets_per_day, 86_400),
        (rates.tweets_burst, rates.tweets_per_second, 1),
    ],
    Limit.FOLLOWS: lambda rates: [_even(rates.follows_per_day, 86_400)],
    Limit.LIKES: lambda rates: [_even(rates.likes_per_day, 86_400)],
    Limit.READS: lambda rates: [_even(rates.reads_per_quarter_hour, 900)],
    Limit.ADDRESS: lambda rates: [_even(rates.address_per_quarter_hour, 900)],
    Limit.REFUSALS: lambda rates: [_even(rates.refusals_per_quarter_hour, 900)],
    Limit.FAILED_LOG_INS: lambda rates: [_even(rates.failed_log_ins_per_hour, 3_600)],
}
"""Buckets of each limit: capacity, tokens, and the seconds in which these come."""

OFF: Final = RateLimits(**{field.name: 0 for field in fields(RateLimits)})
"""No limit at all."""


class Guard:
    """Refuses what comes too often, before it costs anything."""

    def __init__(self, limiter: RateLimiter, clock: Clock, rates: RateLimits, origins: Origins) -> None:
        self._limiter = limiter
        self._clock = clock
        self._rates = rates
        self.origin = origins.of
        """The origin of a request."""
        self._of_origin = lru_cache(_REMEMBERED)(rates.of_origin)
        self.is_on = rates != OFF
        """True if anything is limited."""

    async def take(self, limit: Limit, user: UserId | None, origin: Origin) -> Allowance | None:
        """Count one request, of a user and of its address, or of its address alone. None if nothing limits it."""
        own = self._of_origin(limit, origin) if user is None else self._rates.of_user(limit, user)
        return await self._take([*own, *self._of_origin(Limit.ADDRESS, origin)])

    async def take_refusal(self, limit: Limit, origin: Origin) -> Allowance | None:
        """Count one refusal of an address by `limit`. None if nothing limits it.

        The answer is there already, so it is given if counting it would be too much just now.
        """
        with suppress(Overloaded):
            return await self._take(self._of_origin(limit, origin))
        return None

    async def _take(self, buckets: list[Bucket]) -> Allowance | None:
        return await self._limiter.take(buckets) if buckets else None

    def headers(self, allowance: Allowance) -> list[tuple[bytes, bytes]]:
        """Headers for the client: the reset is a Unix time, as Twitter's is."""
        reset_s = self._clock.now_ms() // 1000 + allowance.reset_s
        return [
            (b"x-ratelimit-limit", b"%d" % allowance.limit),
            (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
            (b"x-ratelimit-reset", b"%d" % reset_s),
        ]


def refusal(allowance: Allowance) -> RateLimited:
    """The error for what came too often; which limit says so is in the bucket's key."""
    limit = Limit(allowance.bucket.split(":")[-2])
    metrics.RATE_LIMITED.record(limit=limit)
    return RateLimited(limit, max(1, allowance.retry_after_s))
