"""The yardstick of posting, in a process of its own: the batches of posted tweets, from a bare loop over the driver.

Each answer sends the next batch from the driver's own callback, at the same concurrency as the requests over HTTP. The
rows are those that the service writes; they go to a keyspace of their own, where no reconciler finds them. What else
could have been promised with these rows is measured for comparison.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Literal

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster
from cassandra.query import BatchStatement, BatchType

from benchmarks import children
from benchmarks.effort import CONNECTIONS, Effort
from domain.clock import SystemClock
from domain.events import TweetPosted
from domain.ids import EventId, IdGenerator, UserId, stamp_us
from storage.cassandra.driver.options import CassandraOptions
from storage.projections import projection_of
from storage.rows import KEYS, Row, Upsert, event_row

_WORKER = 1_000
_END_MS = 1 << 62

How = Literal["a logged batch", "the event alone", "the event, then its rows side by side"]
"""The second leaves the rows to somebody who reads the log; the third, after a crash, to the reconciler."""


def drive(
    options: CassandraOptions,
    partitions: int,
    authors: list[int],
    text: str,
    effort: Effort,
    how: How = "a logged batch",
) -> dict[str, Any]:
    """Write tweets for as long as a load lasts: `per_s`, and `written` with the warm-up's."""
    spec = {"options": asdict(options), "partitions": partitions, "authors": authors, "text": text, "how": how}
    return children.run(__name__, {**spec, "warm_up_s": effort.warm_up_s, "load_s": effort.load_s})


class _Loop:
    """A bounded number of batches under way until the time is over."""

    def __init__(self, session: Any, spec: dict[str, Any]) -> None:
        self._session = session
        self._spec = spec
        self._prepared: dict[tuple[str, ...], Any] = {}
        self._consistency = ConsistencyLevel.name_to_value[spec["options"]["consistency"]]
        self._ids = IdGenerator(_WORKER, SystemClock(), after_ms=0, until_ms=_END_MS, lease_ends_ms=_END_MS)
        self._lock = threading.Lock()
        self._under_way = 0
        self._idle = threading.Event()
        self.written = self.counted = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        self._begins_s = time.perf_counter() + self._spec["warm_up_s"]
        self._ends_s = self._begins_s + self._spec["load_s"]
        self._under_way = CONNECTIONS
        for _ in range(CONNECTIONS):
            self._send()
        assert self._idle.wait(self._ends_s - time.perf_counter() + 30), "batches were not answered"

    def _send(self) -> None:
        event, *rows = self._inserts()
        match self._spec["how"]:
            case "a logged batch":
                self._write([self._batch([event, *rows])], self._answered)
            case "the event alone":
                self._write([event], self._answered)
            case _:
                self._write([event], lambda: self._write(rows, self._answered))

    def _write(self, statements: Sequence[Any], then: Callable[[], None]) -> None:
        """Send some side by side; go on when all were answered."""
        left = len(statements)

        def answered(_: object) -> None:
            nonlocal left
            with self._lock:
                left -= 1
                last = not left
            if last:
                then()

        for statement in statements:
            self._session.execute_async(statement).add_callbacks(answered, self._failed)

    def _answered(self) -> None:
        now_s = time.perf_counter()
        with self._lock:
            self.written += 1
            self.counted += self._begins_s <= now_s < self._ends_s
        if now_s < self._ends_s and self.failure is None:
            self._send()
        else:
            self._end()

    def _failed(self, failure: BaseException) -> None:
        self.failure = failure
        self._end()

    def _end(self) -> None:
        with self._lock:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _inserts(self) -> list[Any]:
        """The next tweet: its event, and the rows that follow from it."""
        with self._lock:
            id_ = self._ids.next()
        authors = self._spec["authors"]
        author = UserId(authors[id_ % len(authors)])
        event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=author, text=self._spec["text"])
        rows = [event_row(event, self._spec["partitions"]), *projection_of(event).rows(event)]
        return [self._insert(row) for row in rows]

    def _batch(self, statements: Sequence[Any]) -> Any:
        batch = BatchStatement(BatchType.LOGGED, consistency_level=self._consistency)
        for statement in statements:
            batch.add(statement)
        return batch

    def _insert(self, row: Row) -> Any:
        assert isinstance(row, Upsert), "posting only writes"
        insert = self._prepared[row.table, *KEYS[row.table].columns, *row.values]
        bound = insert.bind((*row.key, *row.values.values(), row.stamp_us))
        bound.consistency_level = self._consistency
        return bound

    def prepare(self) -> None:
        """Prepare the statements of a posted tweet."""
        event = TweetPosted(event_id=EventId(1), stamp_us=1, author=UserId(1), text=self._spec["text"])
        for row in (event_row(event, 1), *projection_of(event).rows(event)):
            assert isinstance(row, Upsert), "posting only writes"
            names = (*KEYS[row.table].columns, *row.values)
            marks = ", ".join("?" * len(names))
            text = f"INSERT INTO {row.table} ({', '.join(names)}) VALUES ({marks}) USING TIMESTAMP ?"
            self._prepared[row.table, *names] = self._session.prepare(text)


def _load(spec: dict[str, Any]) -> dict[str, Any]:
    options = CassandraOptions(**{**spec["options"], "contact_points": tuple(spec["options"]["contact_points"])})
    cluster = Cluster(**options.cluster_arguments())
    try:
        loop = _Loop(cluster.connect(options.keyspace), spec)
        loop.prepare()
        loop.run()
    finally:
        cluster.shutdown()
    if loop.failure is not None:
        raise loop.failure
    return {"per_s": loop.counted / spec["load_s"], "written": loop.written}


if __name__ == "__main__":
    children.answer(_load(children.specification()))
