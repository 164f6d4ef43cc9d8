"""Both stores in memory: every port, and what tests hurt."""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.clock import Clock
from domain.limits import Limits
from domain.users import User
from storage.ports import Ports
from tests.memory.cache import MemoryCacheStore
from tests.memory.coordination import MemoryCoordinationStore
from tests.memory.counts import MemoryCountStore
from tests.memory.dead_letters import MemoryDeadLetterStore
from tests.memory.events import MemoryEventStore
from tests.memory.idempotency import MemoryIdempotencyStore
from tests.memory.log import MemoryEventLog
from tests.memory.muted_words import MemoryMutedWordStore
from tests.memory.offsets import MemoryOffsetStore
from tests.memory.outputs import MemoryCachedOutputStore, MemoryOutputStore
from tests.memory.rate_limits import MemoryRateLimiter
from tests.memory.redis import MemoryRedis
from tests.memory.relations import MemoryRelationStore
from tests.memory.sessions import MemoryTokenStore
from tests.memory.tables import MemoryTables, Turn, no_faults
from tests.memory.trends import MemoryPaneStore, MemoryTrendStore
from tests.memory.tweets import MemoryTweetStore
from tests.memory.users import MemoryUserStore

ON_REDIS = frozenset({"log", "offsets", "cache", "limiter", "trends", "cached_outputs"})
"""The ports that a `MemoryRedis` keeps; all others stand for Cassandra."""


@dataclass(frozen=True, slots=True)
class MemoryStores:
    """Every port, and beneath them the tables that events write to, and the Redis that may lose everything."""

    ports: Ports
    tables: MemoryTables
    redis: MemoryRedis


def memory_stores(
    clock: Clock,
    limits: Limits,
    *,
    partitions: int,
    to_cassandra: Turn = no_faults,
    to_redis: Turn = no_faults,
    users: Iterable[User] = (),
) -> MemoryStores:
    """Make stores that hold some users; a turn is awaited before each call acts, and what it raises the call raises."""
    tables, redis = MemoryTables(to_cassandra), MemoryRedis(clock)
    ports = Ports(
        events=MemoryEventStore(tables, partitions),
        tweets=MemoryTweetStore(tables),
        relations=MemoryRelationStore(tables),
        counts=MemoryCountStore(tables),
        users=MemoryUserStore(tables, users),
        muted_words=MemoryMutedWordStore(tables),
        tokens=MemoryTokenStore(clock, to_cassandra),
        idempotency=MemoryIdempotencyStore(to_cassandra),
        coordination=MemoryCoordinationStore(to_cassandra),
        dead_letters=MemoryDeadLetterStore(to_cassandra),
        panes=MemoryPaneStore(to_cassandra),
        outputs=MemoryOutputStore(to_cassandra),
        log=MemoryEventLog(redis, partitions, limits, to_redis),
        offsets=MemoryOffsetStore(redis, to_redis),
        cache=MemoryCacheStore(redis, limits, to_redis),
        limiter=MemoryRateLimiter(redis, to_redis),
        trends=MemoryTrendStore(redis, limits, to_redis),
        cached_outputs=MemoryCachedOutputStore(redis, to_redis),
    )
    return MemoryStores(ports, tables, redis)
