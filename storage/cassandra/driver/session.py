"""One connection to Cassandra for a process's event loop: bounded in time, in number and in what a dead store costs."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

from cassandra import ConsistencyLevel, policies
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.query import BatchStatement, BatchType, PreparedStatement, dict_factory, tuple_factory
from pybreaker import CircuitBreakerError

from domain.errors import Overloaded
from storage.breaker import Breaker
from storage.cassandra.driver.bridge import Bridge, Page
from storage.cassandra.driver.failures import RetryIdempotent, counted, is_mistake, is_outage, translated
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.statements import Kind, Statement

Rows = list[tuple[Any, ...]]
Params = Sequence[Any]

CALL_S_MAX = 2.7
"""A request ends within this time, preparing it included; connecting, too. 3 s is promised.

A call that needs several requests in turn (pages, many keys) gives up this long after the last one that was answered.
"""
_REQUEST_S = 2.5
_REQUEST_S_MIN = 0.05
_CONNECT_S = 1.2
_HEARTBEAT_S = 5
_RECONNECT_S = 0.5
_SPECULATE_AFTER_S = 0.15
_BREAKER_FAILURES_MAX = 5
_BREAKER_RESET_S = 0.5
_RETRY_AFTER_MS = 200
_PREPARERS = 2
_SIDE_BY_SIDE_MAX = 64
"""Requests of one call that are under way at a time."""
_BATCHES_MAX = 32
"""The same of batches."""


class CassandraSession:
    """Sends statements and gives back rows. It belongs to the event loop that connected it.

    Every method raises `StoreUnavailable` when Cassandra does not answer in time (at once while the circuit breaker
    is open), `Overloaded` when too many requests are in flight, and leaves mistakes (a bad statement) as they are.
    """

    def __init__(self, cluster: Cluster, session: Any, in_flight_max: int) -> None:
        """For `connect`; the session must be connected."""
        self._cluster = cluster
        self._session = session
        self._in_flight_max = in_flight_max
        self._bridge = Bridge(asyncio.get_running_loop())
        self._breaker = Breaker(is_outage, is_mistake, failures_max=_BREAKER_FAILURES_MAX, reset_s=_BREAKER_RESET_S)
        self._prepared: dict[Statement, PreparedStatement] = {}
        self._preparing: dict[Statement, asyncio.Future[PreparedStatement]] = {}
        self._preparers = ThreadPoolExecutor(_PREPARERS, thread_name_prefix="cassandra-prepare")

    @classmethod
    async def connect(cls, options: CassandraOptions, *, in_flight_max: int = 2_048) -> Self:
        """Connect to a keyspace. Raises `StoreUnavailable` within 3 s."""
        cluster = Cluster(
            **options.cluster_arguments(),
            connect_timeout=_CONNECT_S,
            control_connection_timeout=_CONNECT_S,
            idle_heartbeat_interval=_HEARTBEAT_S,
            idle_heartbeat_timeout=_HEARTBEAT_S,
            reconnection_policy=policies.ConstantReconnectionPolicy(_RECONNECT_S, max_attempts=None),
            execution_profiles=_profiles(options),
            schema_metadata_enabled=False,  # every table of the system's keyspaces, too; see `_connect`
        )
        connecting = asyncio.create_task(asyncio.to_thread(_connect, cluster, options.keyspace))
        try:
            with translated():
                session = await asyncio.wait_for(asyncio.shield(connecting), CALL_S_MAX)
        except BaseException:
            connecting.add_done_callback(_ignore_outcome)
            threading.Thread(target=cluster.shutdown, daemon=True).start()  # it may wait for the attempt to end
            raise
        return cls(cluster, session, in_flight_max)

    async def execute(self, statement: Statement, params: Params = ()) -> Rows:
        """All rows of a query, all pages of them; nothing for a write."""
        with self._answering():
            return await self._rows(statement, params, await self._page(statement, params))

    async def execute_many(self, statement: Statement, params: Sequence[Params]) -> list[Rows]:
        """The rows of the same query for several parameters, in their order, a bounded number side by side."""
        found: list[Rows] = []
        with self._answering():
            for at in range(0, len(params), _SIDE_BY_SIDE_MAX):
                part = params[at : at + _SIDE_BY_SIDE_MAX]
                deadline_s = time.monotonic() + CALL_S_MAX
                prepared = await self._prepare(statement, deadline_s)
                self._require_room(len(part))
                firsts = await asyncio.gather(
                    *[self._send(statement, prepared.bind(p), None, deadline_s) for p in part]
                )
                for page, param in zip(firsts, part, strict=True):
                    found.append(await self._rows(statement, param, page))
        return found

    async def pages(self, statement: Statement, params: Params = ()) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
        """The pages of a long answer, one at a time."""
        next_page: bytes | None = None
        while True:
            with self._answering():
                page = await self._page(statement, params, next_page)
            yield page.rows
            if (next_page := page.next_page) is None:
                return

    async def compare_and_set(self, statement: Statement, params: Params) -> tuple[bool, dict[str, Any]]:
        """Run a lightweight transaction: whether it was applied, and if not, what was there (empty for no row)."""
        assert statement.kind is Kind.CAS
        rows: list[Any] = await self.execute(statement, params)
        found: dict[str, Any] = rows[0]
        return bool(found.pop("[applied]")), found

    async def logged_batch(self, parts: Sequence[tuple[Statement, Params]]) -> None:
        """Write several rows, all or (in the end) none. The first decides which node coordinates."""
        await self._batch(BatchType.LOGGED, parts)

    async def partition_batch(self, parts: Sequence[tuple[Statement, Params]]) -> None:
        """Write several rows of one partition, all or none: one mutation, which needs no batch log."""
        await self._batch(BatchType.UNLOGGED, parts)

    async def write_rows(
        self,
        statement: Statement,
        rows: Iterable[Params],
        *,
        partition: Callable[[Params], Hashable],
        batch_rows_max: int,
    ) -> None:
        """Write rows of several partitions, each whole or not at all; some may have been written if this raises.

        `batch_rows_max`: rows of one batch, which should stay under 5 KB, from which on Cassandra warns.
        """
        by_partition = defaultdict[Hashable, list[tuple[Statement, Params]]](list)
        for row in rows:
            by_partition[partition(row)].append((statement, row))
        batches = [
            parts[at : at + batch_rows_max]
            for parts in by_partition.values()
            for at in range(0, len(parts), batch_rows_max)
        ]
        for at in range(0, len(batches), _BATCHES_MAX):
            await asyncio.gather(*map(self.partition_batch, batches[at : at + _BATCHES_MAX]))

    async def close(self) -> None:
        """Close every connection; what is still in flight fails."""
        self._preparers.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._cluster.shutdown)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Around one call: the breaker, and the engine's errors instead of the driver's."""
        try:
            with translated(), self._breaker.guarding():
                yield
        except CircuitBreakerError:
            raise counted("breaker_open", "it did not answer lately") from None

    async def _rows(self, statement: Statement, params: Params, page: Page) -> Rows:
        """The rows of a first page, and of all after it."""
        rows = list(page.rows)
        while page.next_page is not None:
            page = await self._page(statement, params, page.next_page)
            rows += page.rows
        return rows

    async def _page(self, statement: Statement, params: Params, next_page: bytes | None = None) -> Page:
        deadline_s = time.monotonic() + CALL_S_MAX
        prepared = self._prepared.get(statement) or await self._prepare(statement, deadline_s)
        return await self._send(statement, prepared.bind(params), next_page, deadline_s)

    async def _batch(self, kind: BatchType, parts: Sequence[tuple[Statement, Params]]) -> None:
        with self._answering():
            deadline_s = time.monotonic() + CALL_S_MAX
            batch = BatchStatement(kind)
            batch.is_idempotent = True
            for statement, params in parts:
                assert statement.kind is Kind.WRITE
                batch.add((self._prepared.get(statement) or await self._prepare(statement, deadline_s)).bind(params))
            await self._send(parts[0][0], batch, None, deadline_s)

    def _send(
        self, statement: Statement, bound: Any, next_page: bytes | None, deadline_s: float
    ) -> asyncio.Future[Page]:
        self._require_room(1)
        response = self._session.execute_async(
            bound,
            timeout=max(_REQUEST_S_MIN, min(_REQUEST_S, deadline_s - time.monotonic())),
            execution_profile=statement.kind,
            paging_state=next_page,
        )
        return self._bridge.future_of(response)

    def _require_room(self, requests: int) -> None:
        if self._bridge.in_flight + requests > self._in_flight_max:
            raise Overloaded("cassandra", _RETRY_AFTER_MS)

    async def _prepare(self, statement: Statement, deadline_s: float) -> PreparedStatement:
        """The prepared form of a statement; whoever comes meanwhile waits for the same preparation."""
        if (found := self._prepared.get(statement)) is not None:
            return found
        if (preparing := self._preparing.get(statement)) is None:
            loop = asyncio.get_running_loop()
            preparing = loop.run_in_executor(self._preparers, self._prepare_now, statement)
            preparing.add_done_callback(_ignore_outcome)
            preparing.add_done_callback(lambda _: self._preparing.pop(statement))
            self._preparing[statement] = preparing
        return await asyncio.wait_for(asyncio.shield(preparing), deadline_s - time.monotonic())

    def _prepare_now(self, statement: Statement) -> PreparedStatement:
        prepared = self._session.prepare(statement.text)
        prepared.is_idempotent = statement.kind is not Kind.CAS
        prepared.fetch_size = statement.fetch_rows
        self._prepared[statement] = prepared
        return prepared


class CassandraAdapter:
    """An adapter that needs nothing but a session."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session


def _connect(cluster: Cluster, keyspace: str) -> Any:
    """Connect, and learn how that keyspace is replicated: all of the schema that routing by token needs."""
    session = cluster.connect(keyspace)
    cluster.refresh_keyspace_metadata(keyspace, max_schema_agreement_wait=0)
    return session


def _profiles(options: CassandraOptions) -> dict[Any, ExecutionProfile]:
    def profile(**kind: Any) -> ExecutionProfile:
        return ExecutionProfile(
            load_balancing_policy=policies.TokenAwarePolicy(
                policies.DCAwareRoundRobinPolicy(local_dc=options.datacenter)
            ),
            retry_policy=RetryIdempotent(),
            consistency_level=ConsistencyLevel.name_to_value[options.consistency],
            serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
            request_timeout=_REQUEST_S,
            **kind,
        )

    speculative = policies.ConstantSpeculativeExecutionPolicy(_SPECULATE_AFTER_S, max_attempts=1)
    return {
        EXEC_PROFILE_DEFAULT: profile(row_factory=tuple_factory),
        Kind.READ: profile(row_factory=tuple_factory, speculative_execution_policy=speculative),
        Kind.WRITE: profile(row_factory=tuple_factory),
        Kind.CAS: profile(row_factory=dict_factory),
    }


def _ignore_outcome(task: asyncio.Future[Any]) -> None:
    """Look at a task's error, which its waiters get, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()
