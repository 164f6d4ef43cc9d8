"""The tail and the caches in Redis, a node or a cluster: event log, offsets, entry lists, values, trends, rate limits.

May import `domain`, `telemetry` and the rest of `storage`. All of it can be rebuilt from Cassandra, and the database
must be ours alone: it is emptied when the server turns out to be another one than before.
"""

from domain.clock import SystemClock
from domain.limits import Limits
from storage.redis.cache import RedisCacheStore
from storage.redis.driver.bulk import BulkConnection
from storage.redis.driver.client import RedisClient
from storage.redis.driver.cluster import Redis, RedisCluster, is_cluster
from storage.redis.driver.cluster_bulk import Bulk, ClusterBulk
from storage.redis.log import RedisEventLog
from storage.redis.offsets import RedisOffsetStore
from storage.redis.outputs import RedisOutputStore
from storage.redis.rate_limits import FallbackRateLimiter, LocalRateLimiter, RedisRateLimiter
from storage.redis.trends import RedisTrendStore


class RedisStores:
    """The adapters of one process, on shared connections."""

    def __init__(self, url: str, partitions: int, limits: Limits) -> None:
        """For `redis://`, `rediss://` or `unix://`. Opens no connection: Redis may be down, then and later."""
        self.client: Redis
        self.bulk: Bulk
        if is_cluster(url):
            self.client = RedisCluster(url)
            self.bulk = ClusterBulk(self.client)
        else:
            self.client = RedisClient(url)
            self.bulk = BulkConnection(self.client)
        self.cache = RedisCacheStore(self.client, self.bulk, partitions, limits)
        self.log = RedisEventLog(self.client, self.cache, partitions, limits)
        self.offsets = RedisOffsetStore(self.client)
        self.trends = RedisTrendStore(self.client, limits)
        self.outputs = RedisOutputStore(self.client)
        local = LocalRateLimiter(SystemClock(), limits.local_entries_max)
        self.limiter = FallbackRateLimiter(RedisRateLimiter(self.client), local)

    async def close(self) -> None:
        await self.bulk.close()
        await self.client.close()
