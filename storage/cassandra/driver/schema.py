"""The schema as numbered files, applied once each by an elected leader.

Safe to run twice and from several nodes at once: a lightweight transaction elects, a table records what was applied.
A migration that was applied is never edited; whoever needs a change writes the next one.
"""

import asyncio
import hashlib
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cassandra import InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.policies import DCAwareRoundRobinPolicy
from cassandra.query import dict_factory
from typing_extensions import override

from domain.errors import EngineError, StoreUnavailable
from storage.cassandra.driver.failures import counted, translated
from storage.cassandra.driver.options import CassandraOptions

MIGRATIONS = Path(__file__).parents[1] / "migrations"
_LEASE_S = 30
_POLL_S = 0.1
_MIGRATING_S = 60.0
_DDL_S = 20.0
_CONNECT_S = 2.5
_COMMENT = re.compile(r"--[^\n]*")


class MigrationChanged(EngineError):
    """An applied migration was edited; put it back as it was and write a new one."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(number, name)
        self.number, self.name = number, name

    @override
    def __str__(self) -> str:
        return f"Migration {self.name} was changed after it was applied; restore it and write a new one."


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """Number of copies of each row in a new keyspace; per datacenter if any is named."""

    factor: int = 1
    datacenters: tuple[tuple[str, int], ...] = ()

    @property
    def cql(self) -> str:
        if not self.datacenters:
            return f"{{'class': 'SimpleStrategy', 'replication_factor': {self.factor}}}"
        copies = "".join(f", '{name}': {count}" for name, count in self.datacenters)
        return f"{{'class': 'NetworkTopologyStrategy'{copies}}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file. The checksum is of its statements: comments and white space may change."""

    number: int
    name: str
    statements: tuple[str, ...]

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read a migration, named `NNNN_what_it_does.cql`."""
        parts = _COMMENT.sub("", path.read_text(encoding="utf-8")).split(";")
        statements = tuple(" ".join(part.split()) for part in parts if part.strip())
        return cls(number=int(path.stem.partition("_")[0]), name=path.stem, statements=statements)

    @property
    def checksum(self) -> str:
        """SHA-256 of the statements, hexadecimal."""
        return hashlib.sha256("\n".join(self.statements).encode()).hexdigest()


def all_migrations() -> tuple[Migration, ...]:
    """The migrations in order; their numbers count from 1 without gaps."""
    found = tuple(sorted((Migration.of_file(path) for path in MIGRATIONS.glob("*.cql")), key=lambda each: each.number))
    assert [each.number for each in found] == list(range(1, len(found) + 1)), "migration numbers have no gaps"
    return found


async def migrate(
    options: CassandraOptions, replication: Replication, *, migrations: tuple[Migration, ...] | None = None
) -> tuple[int, ...]:
    """Bring a keyspace up to date and return the numbers of the migrations applied here.

    Nodes that are not elected wait until the leader is done. Raises `MigrationChanged`, and `StoreUnavailable` when
    Cassandra cannot be reached or the work is not done in time.
    """
    wanted = all_migrations() if migrations is None else migrations
    with translated():
        return await asyncio.to_thread(_migrate, options, replication, wanted, time.monotonic() + _MIGRATING_S)


def _migrate(
    options: CassandraOptions, replication: Replication, wanted: tuple[Migration, ...], deadline_s: float
) -> tuple[int, ...]:
    policy = DCAwareRoundRobinPolicy(local_dc=options.datacenter)
    profile = ExecutionProfile(load_balancing_policy=policy, row_factory=dict_factory, request_timeout=_DDL_S)
    with Cluster(
        **options.cluster_arguments(),
        connect_timeout=_CONNECT_S,
        control_connection_timeout=_CONNECT_S,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=False,  # nothing reads it here, and each CREATE would read it all again
        token_metadata_enabled=False,
        max_schema_agreement_wait=0,  # waited for once, at the end
    ) as cluster:
        session = cluster.connect()
        ledger = _Ledger(session, options.keyspace)
        if not ledger.missing(wanted):
            return ()
        ledger.create(replication)
        applied = _apply_or_wait(ledger, wanted, deadline_s)
        _await_agreement(session, deadline_s)
        return applied


def _apply_or_wait(ledger: "_Ledger", wanted: tuple[Migration, ...], deadline_s: float) -> tuple[int, ...]:
    """Apply what is missing as the leader, or wait until there is nothing missing."""
    while ledger.missing(wanted):
        if ledger.take_lease():
            try:
                return ledger.apply(wanted)
            finally:
                ledger.release_lease()
        if time.monotonic() > deadline_s:
            raise counted("timeout", "another node holds the schema's lease and does not finish")
        threading.Event().wait(_POLL_S)
    return ()


def _await_agreement(session: Any, deadline_s: float) -> None:
    """Wait until every node that is up has the same schema."""
    while True:
        versions = {row["schema_version"] for row in session.execute("SELECT schema_version FROM system.local")}
        versions |= {row["schema_version"] for row in session.execute("SELECT schema_version FROM system.peers_v2")}
        if len(versions - {None}) == 1:
            return
        if time.monotonic() > deadline_s:
            raise counted("timeout", "the nodes do not agree on the schema")
        threading.Event().wait(_POLL_S)


class _Ledger:
    """Ledger of the migrations that were applied, and the lock of whoever applies more."""

    def __init__(self, session: Any, keyspace: str) -> None:
        self._session = session
        self._keyspace = keyspace
        self._holder = uuid.uuid4().hex
        self._renew_at_s = 0.0

    def missing(self, wanted: tuple[Migration, ...]) -> tuple[Migration, ...]:
        """The migrations that were not applied yet. Raises `MigrationChanged`."""
        try:
            rows = self._session.execute(f"SELECT number, checksum FROM {self._keyspace}.migrations")
            applied: Mapping[int, str] = {row["number"]: row["checksum"] for row in rows}
        except InvalidRequest:  # no such keyspace or table
            return wanted
        for each in wanted:
            if applied.get(each.number, each.checksum) != each.checksum:
                raise MigrationChanged(each.number, each.name)
        return tuple(each for each in wanted if each.number not in applied)

    def create(self, replication: Replication) -> None:
        """Create the keyspace and the two tables that the election needs.

        Two nodes may do this at once, before there can be a leader: a fixed table id makes both do the same.
        """
        self._session.execute(f"CREATE KEYSPACE IF NOT EXISTS {self._keyspace} WITH replication = {replication.cql}")
        self._create_table("migrations", "number int PRIMARY KEY, name text, checksum text, applied_at timestamp")
        self._create_table("migration_lease", "name text PRIMARY KEY, holder text")

    def take_lease(self) -> bool:
        """Become the leader, if there is none."""
        self._renew_at_s = time.monotonic() + _LEASE_S / 6
        return self._applied(
            f"INSERT INTO {self._keyspace}.migration_lease (name, holder) "
            f"VALUES ('schema', '{self._holder}') IF NOT EXISTS USING TTL {_LEASE_S}"
        )

    def apply(self, wanted: tuple[Migration, ...]) -> tuple[int, ...]:
        """Apply what is missing, in order, as long as this is the leader."""
        self._session.execute(f"USE {self._keyspace}")
        missing = self.missing(wanted)
        for each in missing:
            for statement in each.statements:
                self._keep_lease()
                self._session.execute(statement)
            self._session.execute(
                f"INSERT INTO {self._keyspace}.migrations (number, name, checksum, applied_at) "
                "VALUES (%s, %s, %s, toTimestamp(now()))",
                (each.number, each.name, each.checksum),
            )
        return tuple(each.number for each in missing)

    def release_lease(self) -> None:
        """Let another node lead, which then finds nothing to do."""
        self._applied(
            f"DELETE FROM {self._keyspace}.migration_lease WHERE name = 'schema' IF holder = '{self._holder}'"
        )

    def _keep_lease(self) -> None:
        if time.monotonic() < self._renew_at_s:
            return
        self._renew_at_s = time.monotonic() + _LEASE_S / 6
        prolonged = self._applied(
            f"UPDATE {self._keyspace}.migration_lease USING TTL {_LEASE_S} SET holder = '{self._holder}' "
            f"WHERE name = 'schema' IF holder = '{self._holder}'"
        )
        if not prolonged:
            raise StoreUnavailable("cassandra", "the schema's lease was lost while migrations were applied")

    def _create_table(self, name: str, columns: str) -> None:
        table_id = uuid.uuid5(uuid.NAMESPACE_OID, f"murmur/{self._keyspace}/{name}")
        self._session.execute(f"CREATE TABLE IF NOT EXISTS {self._keyspace}.{name} ({columns}) WITH ID = {table_id}")

    def _applied(self, statement: str) -> bool:
        return bool(self._session.execute(statement).one()["[applied]"])
