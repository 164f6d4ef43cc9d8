"""Token buckets: in Redis, shared by all replicas; in this process, while Redis is down."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from domain.clock import Clock
from domain.errors import StoreUnavailable
from storage.ports import Allowance, Bucket, RateLimiter
from storage.redis.client import RedisClient
from storage.redis.scripts import TAKE

_PREFIX = "rl:"
_MILLIONTHS = 1_000_000


class RedisRateLimiter:
    """`RateLimiter` on one Redis node: one script takes from all buckets of a call or from none.

    On a Redis Cluster the buckets of a call would have to share a hash tag. Time is the server's, so replicas need not
    agree on it. A bucket's key ends when it is full again.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        arguments = [number for b in buckets for number in (b.capacity, b.tokens, b.period_s * 1000)]
        take = TAKE.call([_PREFIX + bucket.key for bucket in buckets], *arguments)
        ((taken, *levels),) = await self._client.run([take])
        return _least(bool(taken), [(b, level / _MILLIONTHS) for b, level in zip(buckets, levels, strict=True)])


@dataclass(slots=True)
class _Level:
    tokens: float
    at_ms: int


class LocalRateLimiter:
    """Buckets of this process alone; those unused for longest are forgotten, and are full when used again."""

    def __init__(self, clock: Clock, buckets_max: int) -> None:
        self._clock = clock
        self._buckets_max = buckets_max
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        levels = [self._refilled(bucket) for bucket in buckets]
        allowed = all(level.tokens >= 1 for level in levels)
        for level in levels:
            level.tokens -= allowed
        while len(self._levels) > self._buckets_max:
            self._levels.popitem(last=False)
        return _least(allowed, [(bucket, level.tokens) for bucket, level in zip(buckets, levels, strict=True)])

    def _refilled(self, bucket: Bucket) -> _Level:
        now_ms = self._clock.monotonic_ms()
        level = self._levels.setdefault(bucket.key, _Level(bucket.capacity, now_ms))
        self._levels.move_to_end(bucket.key)
        refill = (now_ms - level.at_ms) * bucket.tokens / (bucket.period_s * 1000)
        level.tokens, level.at_ms = min(bucket.capacity, level.tokens + refill), now_ms
        return level


class FallbackRateLimiter:
    """Asks one limiter, and another while the first one's store is not available."""

    def __init__(self, shared: RateLimiter, local: RateLimiter) -> None:
        self._shared = shared
        self._local = local

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        try:
            return await self._shared.take(buckets)
        except StoreUnavailable:
            return await self._local.take(buckets)


def _least(allowed: bool, levels: Sequence[tuple[Bucket, float]]) -> Allowance:
    """The allowance of the bucket that allows least: waits longest if refused, else has the fewest tokens left."""

    def seconds_until(bucket: Bucket, level: float, wanted: float) -> float:
        return max(0.0, wanted - level) * bucket.period_s / bucket.tokens

    if allowed:
        bucket, level = min(levels, key=lambda item: item[1])
    else:
        bucket, level = max(levels, key=lambda item: seconds_until(item[0], item[1], 1))
    return Allowance(
        allowed=allowed,
        limit=bucket.capacity,
        remaining=max(0, math.floor(level)),
        reset_s=math.ceil(seconds_until(bucket, level, bucket.capacity)),
        retry_after_s=0 if allowed else max(1, math.ceil(seconds_until(bucket, level, 1))),
    )
