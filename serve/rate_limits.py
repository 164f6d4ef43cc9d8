"""Rate limits: which there are, whom each counts, and where a request comes from."""

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from domain.clock import Clock
from domain.ids import UserId
from serve.errors import RateLimited
from storage.ports import Allowance, Bucket, RateLimiter
from telemetry import metrics

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Limit(StrEnum):
    """What is counted together. Whatever has no limit of its own (undoing, refreshing a token) counts as a read."""

    REGISTER = "register"
    LOGIN = "login"
    TWEETS = "tweets"
    FOLLOWS = "follows"
    LIKES = "likes"
    READS = "reads"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """How often; 0 turns a limit off. Retweets count as tweets."""

    register_per_hour: int = 10
    login_per_minute: int = 10
    tweets_per_day: int = 300
    tweets_per_second: int = 1
    tweets_burst: int = 5
    follows_per_day: int = 400
    likes_per_day: int = 1_000
    reads_per_quarter_hour: int = 900

    def __post_init__(self) -> None:
        """Assert what buckets rely on."""
        assert self.tweets_burst >= 1 or not self.tweets_per_second, "a bucket that holds nothing grants nothing"

    def buckets(self, limit: Limit, who: str) -> list[Bucket]:
        """The buckets that a request of somebody is taken from; none if the limit is off."""
        return [
            Bucket(key=f"{{{who}}}:{limit}:{period_s}", capacity=capacity, tokens=tokens, period_s=period_s)
            for capacity, tokens, period_s in self._rules(limit)
            if tokens
        ]

    def _rules(self, limit: Limit) -> tuple[tuple[int, int, int], ...]:
        match limit:
            case Limit.REGISTER:
                return (_even(self.register_per_hour, 3_600),)
            case Limit.LOGIN:
                return (_even(self.login_per_minute, 60),)
            case Limit.TWEETS:
                return (_even(self.tweets_per_day, 86_400), (self.tweets_burst, self.tweets_per_second, 1))
            case Limit.FOLLOWS:
                return (_even(self.follows_per_day, 86_400),)
            case Limit.LIKES:
                return (_even(self.likes_per_day, 86_400),)
            case Limit.READS:
                return (_even(self.reads_per_quarter_hour, 900),)


def _even(tokens: int, period_s: int) -> tuple[int, int, int]:
    return tokens, tokens, period_s


class Guard:
    """Refuses what comes too often, before it costs anything."""

    def __init__(
        self,
        limiter: RateLimiter,
        clock: Clock,
        *,
        rates: RateLimits | None = None,
        on: bool = True,
        trusted_proxies: tuple[str, ...] = (),
    ) -> None:
        """Keep the limits; `trusted_proxies` are addresses or networks whose `X-Forwarded-For` is believed."""
        self._limiter = limiter
        self._clock = clock
        self._rates = rates or RateLimits()
        self._on = on
        self._trusted = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)

    async def take(self, limit: Limit, user: UserId | None, peer: str, forwarded_for: str | None) -> Allowance | None:
        """Count one request of a user, or without one of an address. None if nothing limits it."""
        if not self._on:
            return None
        who = f"u{user}" if user is not None else f"a{self.origin(peer, forwarded_for)}"
        buckets = self._rates.buckets(limit, who)
        if not buckets:
            return None
        return await self._limiter.take(buckets)

    def headers(self, allowance: Allowance) -> list[tuple[bytes, bytes]]:
        """What a client is told: the reset is a Unix time, as Twitter's is."""
        reset_s = self._clock.now_ms() // 1000 + allowance.reset_s
        return [
            (b"x-ratelimit-limit", b"%d" % allowance.limit),
            (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
            (b"x-ratelimit-reset", b"%d" % reset_s),
        ]

    def refusal(self, limit: Limit, allowance: Allowance) -> RateLimited:
        """The error for a request that came too often."""
        metrics.RATE_LIMITED.record(limit=limit)
        return RateLimited(limit, max(1, allowance.retry_after_s))

    def origin(self, peer: str, forwarded_for: str | None) -> str:
        """What counts as one client: an IPv4 address, or the /64 that one IPv6 customer has.

        Proxies append to `X-Forwarded-For`, so it is read from its end, past those that are trusted; what an
        untrusted one wrote is hearsay.
        """
        address = _address(peer)
        if address is None:
            return "unknown"
        hops = forwarded_for.split(",")[:-21:-1] if forwarded_for else []
        for hop in hops:
            if not self._is_trusted(address):
                break
            claimed = _address(hop.strip())
            if claimed is None:
                break
            address = claimed
        if isinstance(address, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address)

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
