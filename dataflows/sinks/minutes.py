"""Minutes of tags, kept in Cassandra as history. A minute that comes twice changes nothing."""

from functools import partial

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from typing_extensions import override

from dataflows.store_thread import StoreThread
from domain.clock import Clock
from domain.trends.tag_counts import PaneCount

_CALL_S = 10.0
_RETRY_FOR_S = 20.0
"""Minutes wait so long for Cassandra before the dataflow gives up and goes back to its snapshot."""
_TOGETHER = 2_000
"""Minutes of tags in one call; a dataflow that caught up with days has very many."""


class MinuteSink(DynamicSink[PaneCount]):
    """Keeps the minutes of tags in Cassandra."""

    def __init__(self, stores: StoreThread, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_MinutePartition":
        return _MinutePartition(self._stores, self._clock)


class _MinutePartition(StatelessSinkPartition[PaneCount]):
    def __init__(self, stores: StoreThread, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    @override
    def write_batch(self, items: list[PaneCount]) -> None:
        newest = {(count.normalized_tag, count.pane): count for count in items}
        put, stamp_us = self._stores.stores.truth.panes.put, self._clock.now_ms() * 1_000
        counts = list(newest.values())
        for at in range(0, len(counts), _TOGETHER):
            some = counts[at : at + _TOGETHER]
            self._stores.retry_until(partial(put, some, stamp_us), _CALL_S, _RETRY_FOR_S)
