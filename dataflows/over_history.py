"""Trends over history: the dataflow that runs live, over what Cassandra has kept."""

from collections.abc import Callable

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from typing_extensions import override

from dataflows import running
from dataflows.history import HistorySource
from dataflows.store_thread import StoreThread
from dataflows.trends import Ranking, Schedule, trends
from domain.trends import GLOBAL, Window
from storage.rows import MINUTE_MS

Take = Callable[[Ranking], None]


def run(stores: StoreThread, window: Window, place: str, from_ms: int, to_ms: int, take: Take) -> None:
    """Hand over the ranking of a place at the end of every pane in [from_ms, to_ms], and at `to_ms`, oldest first.

    Each is what the live dataflow would have published at that moment, had it known all that was made until then.
    """

    def take_place(ranking: Ranking) -> None:
        take(ranking._replace(places={place: ranking.places.get(GLOBAL, ())}))

    source = HistorySource(
        stores,
        from_ms=reads_from_ms(window, from_ms, stores.born_ms()),
        to_ms=to_ms,
        step_ms=min(window.pane_ms, MINUTE_MS),
    )
    schedule = Schedule(
        windows=(window,),
        every_ms=window.pane_ms,
        exact=True,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    flow = Dataflow("trends-over-history")
    op.output("take", trends(flow, source, schedule, only=place).rankings, _Taking(take_place))
    running.run(flow)


def reads_from_ms(window: Window, from_ms: int, born_ms: int) -> int:
    """Where the events begin that a ranking is made of: two windows before it, or with the system."""
    return max(born_ms, from_ms - 2 * window.span_ms)


class _Taking(DynamicSink[Ranking]):
    """Hands rankings to a function."""

    def __init__(self, take: Take) -> None:
        self._take = take

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_TakingPartition":
        return _TakingPartition(self._take)


class _TakingPartition(StatelessSinkPartition[Ranking]):
    def __init__(self, take: Take) -> None:
        self._take = take

    @override
    def write_batch(self, items: list[Ranking]) -> None:
        for item in items:
            self._take(item)
