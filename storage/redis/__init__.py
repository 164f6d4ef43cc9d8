"""The tail and the caches on one Redis node: event log, offsets, entry lists, values, trends, rate limits.

May import `domain`, `telemetry` and the rest of `storage`. All of it can be rebuilt from Cassandra, and the database
must be ours alone: it is emptied when the server turns out to be another one than before.
"""

from dataclasses import dataclass

from domain.clock import Clock, SystemClock
from domain.limits import Limits
from storage.redis.cache import RedisCacheStore
from storage.redis.driver.bulk import BulkConnection
from storage.redis.driver.client import RedisClient
from storage.redis.log import RedisEventLog
from storage.redis.offsets import RedisOffsetStore
from storage.redis.outputs import RedisOutputStore
from storage.redis.rate_limits import FallbackRateLimiter, LocalRateLimiter, RedisRateLimiter
from storage.redis.trends import RedisTrendStore


@dataclass(frozen=True, slots=True)
class RedisStores:
    """The adapters of one process, on shared connections."""

    log: RedisEventLog
    offsets: RedisOffsetStore
    cache: RedisCacheStore
    trends: RedisTrendStore
    outputs: RedisOutputStore
    limiter: FallbackRateLimiter
    client: RedisClient
    bulk: BulkConnection

    async def close(self) -> None:
        """Close every connection."""
        await self.bulk.close()
        await self.client.close()


_SYSTEM_CLOCK = SystemClock()


async def open_stores(url: str, partitions: int, limits: Limits, clock: Clock = _SYSTEM_CLOCK) -> RedisStores:
    """The stores on `redis://`, `rediss://` or `unix://`. Opens no connection: Redis may be down, then and later."""
    client = RedisClient(url)
    bulk = BulkConnection(client)
    cache = RedisCacheStore(client, bulk, partitions, limits)
    return RedisStores(
        log=RedisEventLog(client, cache, partitions, limits),
        offsets=RedisOffsetStore(client),
        cache=cache,
        trends=RedisTrendStore(client, limits),
        outputs=RedisOutputStore(client),
        limiter=FallbackRateLimiter(RedisRateLimiter(client), LocalRateLimiter(clock, limits.local_entries_max)),
        client=client,
        bulk=bulk,
    )
