"""One real Cassandra and one real Redis per test run, started on first use and gone with the run however it ends."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from cluster.embedded.redis import EmbeddedRedis
from storage.cassandra.driver.options import CassandraOptions

CASSANDRA_HEAP_MB = 256
REDIS_MAXMEMORY_MB = 256
_STOP_TIMEOUT_S = 15.0


@contextmanager
def running_cassandra() -> Iterator[CassandraNode]:
    """An empty Cassandra, ready. A kill of the run takes it along: it is tied to this process."""
    with _scratch("murmur-tests-cassandra-") as (folder, ports):
        cassandra = start_cassandra(folder, ports, CASSANDRA_HEAP_MB, print)
        try:
            cassandra.wait_ready()
            yield cassandra
        finally:
            cassandra.stop(_STOP_TIMEOUT_S)


def options_of(cassandra: CassandraNode, keyspace: str) -> CassandraOptions:
    """How to open a keyspace of it."""
    username, password = cassandra.login
    return CassandraOptions(
        contact_points=(cassandra.contact_point,), keyspace=keyspace, username=username, password=password
    )


@contextmanager
def running_redis() -> Iterator[str]:
    """The URL of an empty Redis."""
    with _scratch("murmur-tests-redis-") as (folder, ports):
        redis = EmbeddedRedis(folder, ports, REDIS_MAXMEMORY_MB)
        try:
            redis.wait_ready()
            yield redis.url
        finally:
            redis.stop(_STOP_TIMEOUT_S)


@contextmanager
def _scratch(prefix: str) -> Iterator[tuple[Path, PortBlock]]:
    ports = PortBlock()
    try:
        with tempfile.TemporaryDirectory(prefix=prefix) as folder:
            yield Path(folder), ports
    finally:
        ports.release()
