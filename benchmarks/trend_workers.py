"""Trends with one worker and with two, each a process of its own as in a running system.

The same events lie in the same partitions; the workers share the partitions and the buckets of tags between them. What
is timed begins when the first of them is handed events, and ends when the last is through.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from bytewax.testing import TestingSink, cluster_main
from typing_extensions import override

from benchmarks import children, trends
from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Row, rounded
from dataflows.sources.chunks import Chunk
from dataflows.trends.flow import trends as dataflow
from dataflows.trends.worker import free_address
from domain.events import AnyEvent
from domain.ids import log_partition
from domain.trends.tag_counts import GLOBAL, Ranking

_PARTITIONS = 8
_HOST = "127.0.0.1"


def measure(effort: Effort) -> list[Row]:
    """The row of the second worker."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        tops = []
        for workers, found in rates.items():
            answers = _run(workers, effort.trend_events_many)
            seconds = max(each["ended_s"] for each in answers) - min(each["begun_s"] for each in answers)
            found.append(sum(each["events"] for each in answers) / seconds)
            (top,) = [each["top"] for each in answers if each["top"]]
            tops.append(top)
        assert tops[0] == tops[1], "two workers find what one finds"
    return [
        Row(
            key="trends_two_workers",
            what="trends, events/s of two workers, 60 min / 1 min",
            against="of one, same events",
            unit="x",
            values=[two / one for one, two in zip(rates[1], rates[2], strict=True)],
            target=1.6,
            figures={f"events/s, {workers} at work": rounded(found) for workers, found in rates.items()},
        )
    ]


def _run(workers: int, events: int) -> list[dict[str, Any]]:
    addresses = [free_address(_HOST) for _ in range(workers)] if workers > 1 else []
    specs = [{"addresses": addresses, "index": index, "events": events} for index in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda spec: children.run(__name__, spec), specs))


class _Prepared(FixedPartitionedSource[Chunk, int]):
    """Events that are in memory, partition by partition."""

    def __init__(self, events: Sequence[AnyEvent]) -> None:
        self._events = [[e for e in events if log_partition(e.actor, _PARTITIONS) == p] for p in range(_PARTITIONS)]
        self.begun_s = 0.0
        self.handed_out = 0

    @override
    def list_parts(self) -> list[str]:
        return list(map(str, range(_PARTITIONS)))

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_Partition":
        assert resume_state is None, "nothing is kept between runs"
        partition = int(for_part)
        return _Partition(self, trends.chunks(self._events[partition], partition, _PARTITIONS))


class _Partition(StatefulSourcePartition[Chunk, int]):
    """Hands out a chunk at a time."""

    def __init__(self, source: _Prepared, chunks: Sequence[Chunk]) -> None:
        self._source = source
        self._chunks = chunks
        self._at = 0

    @override
    def next_batch(self) -> list[Chunk]:
        if self._at == len(self._chunks):
            raise StopIteration
        self._source.begun_s = self._source.begun_s or time.clock_gettime(time.CLOCK_MONOTONIC)
        self._at += 1
        chunk = self._chunks[self._at - 1]
        self._source.handed_out += len(chunk.events)
        return [chunk]

    @override
    def next_awake(self) -> datetime | None:
        return None

    @override
    def snapshot(self) -> int:
        return self._at


def _work(spec: dict[str, Any]) -> dict[str, Any]:
    """One worker's share; times are of the machine's monotonic clock, which its processes have in common."""
    source = _Prepared(trends.events(spec["events"]))
    out: list[Ranking] = []
    flow = Dataflow("trends")
    found = dataflow(flow, source, trends.SCHEDULE)
    op.output("out-rankings", found.rankings, TestingSink(out))
    op.output("out-minutes", found.minutes, TestingSink([]))
    cluster_main(flow, spec["addresses"], spec["index"])
    ended_s = time.clock_gettime(time.CLOCK_MONOTONIC)
    top = [(trend.normalized_tag, trend.count, trend.unique_authors) for trend in out[-1].places[GLOBAL]] if out else []
    return {"begun_s": source.begun_s, "ended_s": ended_s, "events": source.handed_out, "top": top}


if __name__ == "__main__":
    children.answer(_work(children.specification()))
