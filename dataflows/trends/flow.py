"""The dataflow of trends: chunks of the log, their share of each bucket, the top of each bucket, the top of all.

Everything is decided by `domain.trends`; here it is wired.
"""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import Sink
from typing_extensions import override

from dataflows.sources.chunks import Chunk
from dataflows.trends.buckets import Answer, BucketLogic, BucketTop, by_bucket
from dataflows.trends.schedule import Schedule
from domain.trends.tag_counts import TAG_BUCKETS, PaneCount, Ranking, Trend, merged

STATE_VERSION = 9
"""Version of the state in snapshots; with another the dataflow begins anew."""
_PENDING_MAX = 64
"""Evaluations that some bucket has not answered yet; beyond it the oldest is given up."""


class WindowLogic(StatefulBatchLogic[BucketTop, Ranking, bytes]):
    """One window: joins the tops of all buckets at one evaluation."""

    def __init__(self, state: bytes | None) -> None:
        self._latest: dict[int, Mapping[str, Sequence[Trend]]] = {}
        self._pending: dict[int, dict[int, BucketTop]] = {}
        if state is not None:
            self._latest, self._pending = pickle.loads(state)

    @override
    def on_batch(self, values: list[BucketTop]) -> tuple[Iterable[Ranking], bool]:
        found: list[Ranking] = []
        for top in values:
            self._pending.setdefault(top.as_of_ms, {})[top.bucket] = top
            if len(self._pending[top.as_of_ms]) == TAG_BUCKETS:
                found.append(self._joined(top.window, top.as_of_ms))
        while len(self._pending) > _PENDING_MAX:
            self._absorb(min(self._pending))
        return found, StatefulBatchLogic.RETAIN

    @override
    def snapshot(self) -> bytes:
        return pickle.dumps((self._latest, self._pending), pickle.HIGHEST_PROTOCOL)

    def _joined(self, window: str, as_of_ms: int) -> Ranking:
        for earlier in sorted(at for at in self._pending if at <= as_of_ms):
            self._absorb(earlier)
        places = {place for tops in self._latest.values() for place in tops}
        ranked = {place: merged(tops.get(place, ()) for tops in self._latest.values()) for place in places}
        return Ranking(window, as_of_ms, ranked)

    def _absorb(self, as_of_ms: int) -> None:
        for top in self._pending.pop(as_of_ms).values():
            if top.places is not None:
                self._latest[top.bucket] = top.places


class TrendStreams(NamedTuple):
    """Rankings, one per window and evaluation, and the minutes of tags that changed."""

    rankings: Stream[Ranking]
    minutes: Stream[PaneCount]


def trends(flow: Dataflow, source: Source[Chunk], schedule: Schedule, *, only: str | None = None) -> TrendStreams:
    """Wire trends into a dataflow. With `only` the tweets of that place are all there is, under `GLOBAL`."""
    chunks = op.input("log", flow, source)
    batches = op.flat_map("by-bucket", chunks, partial(by_bucket, only=only))
    answers = op.stateful_batch("bucket", batches, partial(BucketLogic, schedule))
    tops = op.filter_map("tops", answers, _keyed_top)
    rankings = op.stateful_batch("window", tops, WindowLogic)
    minutes = op.flat_map("minutes", answers, _minutes_of)
    return TrendStreams(op.key_rm("rankings", rankings), minutes)


def live(source: Source[Chunk], schedule: Schedule, rankings: Sink[Ranking], minutes: Sink[PaneCount]) -> Dataflow:
    """The dataflow that follows the log."""
    flow = Dataflow("trends")
    streams = trends(flow, source, schedule)
    op.output("publish", streams.rankings, rankings)
    op.output("keep-minutes", streams.minutes, minutes)
    return flow


def _keyed_top(answer: tuple[str, Answer]) -> tuple[str, BucketTop] | None:
    _, found = answer
    return (found.window, found) if isinstance(found, BucketTop) else None


def _minutes_of(answer: tuple[str, Answer]) -> Iterable[PaneCount]:
    _, found = answer
    return () if isinstance(found, BucketTop) else found
