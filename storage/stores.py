"""Both stores at once, as every process of the system opens them."""

import asyncio
from dataclasses import dataclass, field

from domain.limits import Limits
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.stores import CassandraStores
from storage.cassandra.stores import open_stores as open_cassandra
from storage.ports import Ports
from storage.redis import RedisStores


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """Addresses of the stores and the options to use them; travels to every process."""

    cassandra: CassandraOptions
    redis_url: str = field(repr=False)
    """May hold a password."""
    partitions: int
    limits: Limits


@dataclass(frozen=True, slots=True)
class Stores:
    """Both stores of one process, opened: every port, and what else their drivers can do."""

    cassandra: CassandraStores
    redis: RedisStores
    ports: Ports

    async def close(self) -> None:
        await asyncio.gather(self.cassandra.close(), self.redis.close())


async def open_stores(config: StoreConfig) -> Stores:
    """Connect to both. Raises `StoreUnavailable` if Cassandra cannot be reached; Redis may come later."""
    redis = RedisStores(config.redis_url, config.partitions, config.limits)
    cassandra = await open_cassandra(config.cassandra, partitions=config.partitions)
    ports = Ports(
        events=cassandra.events,
        tweets=cassandra.tweets,
        relations=cassandra.relations,
        counts=cassandra.counts,
        users=cassandra.users,
        muted_words=cassandra.muted_words,
        tokens=cassandra.tokens,
        idempotency=cassandra.idempotency,
        coordination=cassandra.coordination,
        dead_letters=cassandra.dead_letters,
        panes=cassandra.panes,
        outputs=cassandra.outputs,
        log=redis.log,
        offsets=redis.offsets,
        cache=redis.cache,
        limiter=redis.limiter,
        trends=redis.trends,
        cached_outputs=redis.outputs,
    )
    return Stores(cassandra, redis, ports)
