"""Both stores at once, as every process of the system opens them."""

import asyncio
from dataclasses import dataclass, field

from domain.clock import SystemClock
from domain.limits import Limits
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.stores import CassandraStores
from storage.cassandra.stores import open_stores as open_cassandra
from storage.redis import RedisStores
from storage.redis import open_stores as open_redis


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Where the stores are and how they are used; travels to every process."""

    cassandra: CassandraOptions
    redis_url: str = field(repr=False)
    """May hold a password."""
    partitions: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Stores:
    """Every adapter of one process."""

    truth: CassandraStores
    hot: RedisStores

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(self.truth.close(), self.hot.close())


async def open_stores(config: StoreConfig) -> Stores:
    """Connect to both. Raises `StoreUnavailable` if Cassandra cannot be reached; Redis may come later."""
    hot = await open_redis(config.redis_url, config.partitions, config.limits, SystemClock())
    return Stores(await open_cassandra(config.cassandra, partitions=config.partitions), hot)
