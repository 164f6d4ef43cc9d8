"""The yardstick of posting, in a process of its own: the batches of posted tweets, from a bare loop over the driver.

Each answer sends the next batch from the driver's own callback, at the same concurrency as the requests over HTTP. The
rows are those that the service writes; they go to a keyspace of their own, where no reconciler finds them.
"""

import threading
import time
from dataclasses import asdict
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.cluster import Cluster
from cassandra.query import BatchStatement, BatchType

from benchmarks import children
from benchmarks.effort import CONNECTIONS, Effort
from domain.clock import SystemClock
from domain.events import TweetPosted
from domain.ids import EventId, IdGenerator, UserId, stamp_us
from storage.cassandra.options import CassandraOptions
from storage.rows import KEYS, Put, event_row, rows_of

_WORKER = 1_000
_END_MS = 1 << 62


def drive(options: CassandraOptions, partitions: int, authors: list[int], text: str, effort: Effort) -> dict[str, Any]:
    """Write batches for as long as a load lasts: `per_s`, and `written` with the warm-up's."""
    spec = {"options": asdict(options), "partitions": partitions, "authors": authors, "text": text}
    return children.run(__name__, {**spec, "warm_up_s": effort.warm_up_s, "load_s": effort.load_s})


class _Loop:
    """A bounded number of batches under way until the time is over."""

    def __init__(self, session: Any, spec: dict[str, Any]) -> None:
        self._session = session
        self._spec = spec
        self._prepared: dict[tuple[str, ...], Any] = {}
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
        future = self._session.execute_async(self._batch())
        future.add_callbacks(self._answered, self._failed)

    def _answered(self, _: object) -> None:
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

    def _batch(self) -> Any:
        with self._lock:
            id_ = self._ids.next()
        authors = self._spec["authors"]
        author = UserId(authors[id_ % len(authors)])
        event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=author, text=self._spec["text"])
        consistency = ConsistencyLevel.name_to_value[self._spec["options"]["consistency"]]
        batch = BatchStatement(BatchType.LOGGED, consistency_level=consistency)
        for row in (event_row(event, self._spec["partitions"]), *rows_of(event)):
            assert isinstance(row, Put), "posting only writes"
            batch.add(self._insert(row).bind((*row.key, *row.values.values(), row.stamp_us)))
        return batch

    def _insert(self, row: Put) -> Any:
        names = (*KEYS[row.table], *row.values)
        return self._prepared[row.table, *names]

    def prepare(self) -> None:
        """Prepare the statements of a posted tweet."""
        event = TweetPosted(event_id=EventId(1), stamp_us=1, author=UserId(1), text=self._spec["text"])
        for row in (event_row(event, 1), *rows_of(event)):
            assert isinstance(row, Put), "posting only writes"
            names = (*KEYS[row.table], *row.values)
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
