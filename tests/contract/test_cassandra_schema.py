"""Migrations: applied once each, whoever comes and how often."""

import asyncio
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cassandra.cluster import Cluster

from cluster.embedded.cassandra_node import CassandraNode
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.schema import MIGRATIONS, Migration, MigrationChanged, Replication, migrate
from storage.rows import KEYS
from tests.contract.people import new_id
from tests.support.stores import options_of

SMALL = (
    Migration(number=1, name="0001_one", statements=("CREATE TABLE IF NOT EXISTS one (a int PRIMARY KEY)",)),
    Migration(number=2, name="0002_two", statements=("CREATE TABLE IF NOT EXISTS two (a int PRIMARY KEY)",)),
)


@pytest.fixture
def options(cassandra_node: CassandraNode) -> Iterator[CassandraOptions]:
    """A keyspace of its own that does not exist yet."""
    options = options_of(cassandra_node, f"schema_{new_id()}")
    yield options
    with Cluster(**options.cluster_arguments()) as cluster:
        cluster.connect().execute(f"DROP KEYSPACE IF EXISTS {options.keyspace}", timeout=20)


async def test_migrations_are_applied_once_and_later_ones_follow(options: CassandraOptions) -> None:
    assert await migrate(options, Replication(), migrations=SMALL[:1]) == (1,)
    assert await migrate(options, Replication(), migrations=SMALL) == (2,)
    assert await migrate(options, Replication(), migrations=SMALL) == ()


async def test_of_two_nodes_that_start_at_once_one_applies_and_both_are_ready(options: CassandraOptions) -> None:
    applied = await asyncio.gather(*[migrate(options, Replication(), migrations=SMALL) for _ in range(2)])
    assert sorted(applied) == [(), (1, 2)]
    assert await migrate(options, Replication(), migrations=SMALL) == ()


async def test_an_applied_migration_may_not_be_edited(options: CassandraOptions) -> None:
    await migrate(options, Replication(), migrations=SMALL[:1])
    edited = replace(SMALL[0], statements=("CREATE TABLE IF NOT EXISTS one (b int PRIMARY KEY)",))
    with pytest.raises(MigrationChanged) as caught:
        await migrate(options, Replication(), migrations=(edited, SMALL[1]))
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_copies_per_datacenter_can_be_chosen(options: CassandraOptions) -> None:
    await migrate(options, Replication(datacenters=(("datacenter1", 1),)), migrations=SMALL[:1])
    assert await migrate(options, Replication(), migrations=SMALL) == (2,)


def test_comments_and_white_space_do_not_count_as_a_change(tmp_path: Path) -> None:
    path = tmp_path / "0001_one.cql"
    path.write_text("-- why; and how\nCREATE TABLE one (\n    a int PRIMARY KEY\n);\n")
    before = Migration.of_file(path)
    path.write_text("CREATE TABLE one ( a int PRIMARY KEY );")
    assert Migration.of_file(path).checksum == before.checksum
    assert before.statements == ("CREATE TABLE one ( a int PRIMARY KEY )",)


def test_the_tables_have_the_keys_that_rows_are_made_for(cassandra_options: CassandraOptions) -> None:
    with Cluster(**cassandra_options.cluster_arguments()) as cluster:
        cluster.connect()
        tables = cluster.metadata.keyspaces[cassandra_options.keyspace].tables
        for name, key in KEYS.items():
            assert tuple(column.name for column in tables[name].primary_key) == key.columns
            assert len(tables[name].partition_key) == key.partition
        assert not any(table.indexes or table.views for table in tables.values())


def test_every_table_says_which_query_it_serves() -> None:
    text = "\n".join(path.read_text() for path in MIGRATIONS.glob("*.cql"))
    assert text.count("CREATE TABLE IF NOT EXISTS") == text.count("-- Serves: ") > 20
