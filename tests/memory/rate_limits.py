"""Token buckets in memory."""

from collections.abc import Sequence

from storage.ports.rate_limits import Allowance, Bucket
from tests.memory.redis import MemoryRedis
from tests.memory.tables import Turn, no_faults


class MemoryRateLimiter:
    """`RateLimiter` on the buckets of a `MemoryRedis`."""

    def __init__(self, redis: MemoryRedis, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._turn = turn

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        await self._turn()
        return await self._redis.buckets.take(buckets)

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        await self._turn()
        await self._redis.buckets.give_back(buckets)
