"""Stores for contract tests: the same stories run in memory, on Cassandra and on Redis.

What Cassandra keeps is in one keyspace, new in each run; its tests keep apart by fresh ids. What Redis keeps is lost
before each test.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from domain.clock import SystemClock
from domain.limits import SMALL, Limits
from storage.cassandra import stores as cassandra_stores
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.schema import Replication, migrate
from storage.cassandra.stores import CassandraStores
from storage.ports import Ports
from storage.ports.cache import CacheStore
from storage.ports.log import EventLog
from storage.ports.offsets import OffsetStore
from storage.ports.outputs import OutputStore
from storage.ports.rate_limits import RateLimiter
from storage.ports.trends import TrendStore
from storage.redis import RedisStores
from storage.redis.rate_limits import RedisRateLimiter
from tests.contract.people import PARTITIONS, People, new_id
from tests.contract.private_redis import PrivateRedis
from tests.memory.stores import memory_stores
from tests.support.ports import some_ports
from tests.support.redis_cluster import RedisNodes
from tests.support.stores import options_of

_DATABASE = 9


@pytest.fixture(scope="session")
def cassandra_options(cassandra_node: CassandraNode) -> CassandraOptions:
    """A keyspace with the whole schema."""
    options = options_of(cassandra_node, f"contract_{new_id()}")
    asyncio.run(migrate(options, Replication()))
    return options


@pytest.fixture
async def cassandra(cassandra_options: CassandraOptions) -> AsyncIterator[CassandraStores]:
    stores = await cassandra_stores.open_stores(cassandra_options, partitions=PARTITIONS)
    yield stores
    await stores.close()


@pytest.fixture(params=["memory", "cassandra"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """The ports that Cassandra keeps, once in memory and once there."""
    if request.param == "memory":
        return memory_stores(SystemClock(), SMALL, partitions=PARTITIONS).ports
    request.getfixturevalue("cassandra_options")
    stores: CassandraStores = request.getfixturevalue("cassandra")
    return some_ports(**{name: adapter for name, adapter in vars(stores).items() if name != "session"})


@pytest.fixture
def people(ports: Ports) -> People:
    return People(ports)


@dataclass(frozen=True, slots=True)
class LossyStores:
    """The ports that Redis keeps, on one backend, and the way to lose it all."""

    log: EventLog
    offsets: OffsetStore
    cache: CacheStore
    limiter: RateLimiter
    trends: TrendStore
    outputs: OutputStore
    limits: Limits
    lose_everything: Callable[[], Awaitable[None]]


OpenStores = Callable[[Limits], Awaitable[LossyStores]]


@pytest.fixture
async def redis_stores(redis_url: str) -> AsyncIterator[RedisStores]:
    """Stores on an empty database of the server that this run shares."""
    stores = RedisStores(_own_database(redis_url), PARTITIONS, SMALL)
    await stores.client.run([("FLUSHDB",)])
    yield stores
    await stores.close()


@pytest.fixture(scope="session")
def redis_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisNodes]:
    """A cluster of three masters."""
    ports = PortBlock()
    nodes = RedisNodes(tmp_path_factory.mktemp("redis"), ports)
    try:
        asyncio.run(nodes.start())
        yield nodes
    finally:
        nodes.end()
        ports.release()


@pytest.fixture(params=["memory", "redis", "cluster"])
def server(request: pytest.FixtureRequest) -> str | RedisNodes | None:
    """The server of lossy stores: none for those in memory, the URL of a Redis, or a Redis Cluster."""
    fixtures = {"redis": "redis_url", "cluster": "redis_nodes"}
    return request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else None


@pytest.fixture
async def open_stores(server: str | RedisNodes | None) -> AsyncIterator[OpenStores]:
    """Opens empty stores with some limits, once in memory, once on Redis and once on a Redis Cluster."""
    async with AsyncExitStack() as opened:

        async def on_memory(limits: Limits) -> LossyStores:
            made = memory_stores(SystemClock(), limits, partitions=PARTITIONS)
            ports = made.ports

            async def flush() -> None:
                made.redis.flush()

            return LossyStores(
                ports.log, ports.offsets, ports.cache, ports.limiter, ports.trends, ports.cached_outputs, limits, flush
            )

        async def on_redis(limits: Limits) -> LossyStores:
            assert server
            url = _own_database(server) if isinstance(server, str) else server.url
            found = RedisStores(url, PARTITIONS, limits)
            opened.push_async_callback(found.close)

            async def flush() -> None:
                if isinstance(server, RedisNodes):
                    await server.lose_everything()
                else:
                    await found.client.run([("FLUSHDB",)])

            await flush()
            shared = RedisRateLimiter(found.client)
            return LossyStores(
                found.log, found.offsets, found.cache, shared, found.trends, found.outputs, limits, flush
            )

        yield on_redis if server else on_memory


@pytest.fixture
async def stores(open_stores: OpenStores) -> LossyStores:
    return await open_stores(SMALL)


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """Not started yet."""
    ports = PortBlock()
    server = PrivateRedis(tmp_path, ports.port())
    try:
        yield server
    finally:
        server.kill()
        ports.release()


def _own_database(redis_url: str) -> str:
    return f"{redis_url.rpartition('/')[0]}/{_DATABASE}"
