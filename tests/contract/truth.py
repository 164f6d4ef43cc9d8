"""The truth's stores for contract tests: the same stories run on memory and on Cassandra.

A plugin: test modules name it in `pytest_plugins`. Tests share one keyspace, new in each run, and keep apart by
fresh ids.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from cluster.embedded.cassandra_node import CassandraNode
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.schema import Replication, migrate, migrations_in
from storage.cassandra.stores import CassandraStores, open_stores
from storage.memory.stores import MemoryStores, memory_stores
from tests.contract.people import PARTITIONS, People, new_id
from tests.contract.pins import pin_migration
from tests.support.stores import options_of


@pytest.fixture(scope="session")
def cassandra_options(cassandra_node: CassandraNode) -> CassandraOptions:
    """A keyspace with the whole schema, and the tables of the relation that only tests declare."""
    options = options_of(cassandra_node, f"contract_{new_id()}")
    migrations = migrations_in()
    pins = pin_migration(len(migrations) + 1)
    asyncio.run(migrate(options, Replication(), migrations=(*migrations, pins)))
    return options


@pytest.fixture
async def cassandra(cassandra_options: CassandraOptions) -> AsyncIterator[CassandraStores]:
    stores = await open_stores(cassandra_options, partitions=PARTITIONS)
    yield stores
    await stores.close()


@pytest.fixture
def memory() -> MemoryStores:
    return memory_stores(partitions=PARTITIONS)


@pytest.fixture(params=["memory", "cassandra"])
def stores(request: pytest.FixtureRequest) -> CassandraStores | MemoryStores:
    """The stores of the truth, once in memory and once in Cassandra."""
    if request.param == "cassandra":
        request.getfixturevalue("cassandra_options")
    found: CassandraStores | MemoryStores = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def people(stores: CassandraStores | MemoryStores) -> People:
    return People(stores)
