"""Token buckets: in Redis, shared by all replicas; in this process, while Redis is down."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from cachetools import LRUCache

from domain.clock import Clock
from domain.errors import StoreUnavailable
from storage.ports.rate_limits import Allowance, Bucket, RateLimiter
from storage.redis.driver.cluster import Redis
from storage.redis.driver.line import Command
from storage.redis.scripts import TAKE

_PREFIX = "rl:"
_MILLIONTHS = 1_000_000


class RedisRateLimiter:
    """`RateLimiter` on Redis: one trip, in which one script takes from all buckets of a hash tag or from none.

    In a cluster a script reaches the keys of one slot. Only a request that some tag refuses
    costs a second trip: it gives back what the others took. Time is the server's, so replicas need not agree on it. A
    bucket's key ends when it is full again.
    """

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        groups = _by_tag(buckets)
        replies = await self._client.run([_call(1, group) for group in groups])
        levels: dict[bool, list[tuple[Bucket, float]]] = {True: [], False: []}
        for group, (taken, *found) in zip(groups, replies, strict=True):
            levels[bool(taken)] += [(b, level / _MILLIONTHS) for b, level in zip(group, found, strict=True)]
        if refused := levels[False]:
            await self.give_back([bucket for bucket, _ in levels[True]])
        return _least(not refused, refused or levels[True])

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        await self._client.run([_call(-1, group) for group in _by_tag(buckets)])


def _by_tag(buckets: Sequence[Bucket]) -> list[list[Bucket]]:
    """The buckets that one script may touch, together; a key without a hash tag is alone."""
    groups: defaultdict[str, list[Bucket]] = defaultdict(list)
    for bucket in buckets:
        groups[bucket.key.partition("}")[0]].append(bucket)
    return list(groups.values())


def _call(wanted: int, buckets: Sequence[Bucket]) -> Command:
    numbers = [number for b in buckets for number in (b.capacity, b.tokens, b.period_s * 1000)]
    return TAKE.call([_PREFIX + bucket.key for bucket in buckets], wanted, *numbers)


@dataclass(slots=True)
class _Level:
    tokens: float
    at_ms: int


class LocalRateLimiter:
    """Buckets of this process alone; those unused for longest are forgotten, and are full when used again."""

    def __init__(self, clock: Clock, buckets_max: int) -> None:
        self._clock = clock
        self._levels: LRUCache[str, _Level] = LRUCache(buckets_max)

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        levels = [self._refilled(bucket) for bucket in buckets]
        allowed = all(level.tokens >= 1 for level in levels)
        for level in levels:
            level.tokens -= allowed
        return _least(allowed, [(bucket, level.tokens) for bucket, level in zip(buckets, levels, strict=True)])

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        for bucket in buckets:
            level = self._refilled(bucket)
            level.tokens = min(bucket.capacity, level.tokens + 1)

    def _refilled(self, bucket: Bucket) -> _Level:
        now_ms = self._clock.monotonic_ms()
        level = self._levels.setdefault(bucket.key, _Level(bucket.capacity, now_ms))
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

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        try:
            await self._shared.give_back(buckets)
        except StoreUnavailable:
            await self._local.give_back(buckets)


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
        bucket=bucket.key,
    )
