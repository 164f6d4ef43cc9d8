"""Fixtures of every tier."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from cluster.embedded.cassandra_node import CassandraNode
from tests.support.stores import running_cassandra, running_redis
from tests.support.system import RunningSystem, running_system

settings.register_profile("murmur", deadline=None)  # no test asserts on time: the machine may be busy
settings.load_profile("murmur")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests of the shared system last: at rest it takes a third of a core, which those with their own need."""
    items.sort(key=lambda item: "system" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def cassandra_node() -> Iterator[CassandraNode]:
    """The one Cassandra of this run; tests keep apart by keyspace, see `tests.support.stores.options_of`."""
    with running_cassandra() as node:
        yield node


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """URL of the one Redis of this run; tests keep apart by key or by FLUSHDB."""
    with running_redis() as url:
        yield url


@pytest.fixture(scope="session")
def system() -> Iterator[RunningSystem]:
    """The one whole system of this run, with the default limits, as `make run` starts it."""
    with running_system() as running:
        yield running
