"""Token buckets of one process: what counts requests while the shared buckets do not answer."""

import math
from collections import OrderedDict
from collections.abc import Sequence

from domain.clock import Clock
from storage.ports import Allowance, Bucket


class LocalLimiter:
    """A `RateLimiter` that remembers the `buckets_max` buckets used last."""

    def __init__(self, clock: Clock, buckets_max: int = 50_000) -> None:
        self._clock = clock
        self._buckets_max = buckets_max
        self._levels: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        now_ms = self._clock.monotonic_ms()
        levels = [self._level(bucket, now_ms) for bucket in buckets]
        allowed = all(level >= 1 for level in levels)
        if allowed:
            levels = [level - 1 for level in levels]
        for bucket, level in zip(buckets, levels, strict=True):
            self._levels[bucket.key] = (level, now_ms)
            self._levels.move_to_end(bucket.key)
        while len(self._levels) > self._buckets_max:
            self._levels.popitem(last=False)
        answers = [_allowance(bucket, level, allowed) for bucket, level in zip(buckets, levels, strict=True)]
        return min(answers, key=lambda answer: (-answer.retry_after_s, answer.remaining))

    def _level(self, bucket: Bucket, now_ms: int) -> float:
        level, at_ms = self._levels.get(bucket.key, (float(bucket.capacity), now_ms))
        return min(float(bucket.capacity), level + (now_ms - at_ms) * bucket.tokens / (bucket.period_s * 1000))


def _allowance(bucket: Bucket, level: float, allowed: bool) -> Allowance:
    token_s = bucket.period_s / bucket.tokens
    retry_after_s = 0 if allowed or level >= 1 else max(1, math.ceil((1 - level) * token_s))
    reset_s = math.ceil((bucket.capacity - level) * token_s)
    return Allowance(allowed, bucket.capacity, int(level), reset_s, retry_after_s)
