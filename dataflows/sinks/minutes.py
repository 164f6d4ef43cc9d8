"""Minutes of tags, kept in Cassandra as history. A minute that comes twice changes nothing."""

from functools import partial

from dataflows.sinks.batches import BatchSink
from dataflows.store_thread import StoreThread
from domain.clock import Clock
from domain.trends.tag_counts import PaneCount

_CALL_S = 10.0
_RETRY_FOR_S = 20.0
"""Minutes wait so long for Cassandra before the dataflow gives up and goes back to its snapshot."""
_TOGETHER = 2_000
"""Minutes of tags in one call; a dataflow that caught up with days has very many."""


def minute_sink(stores: StoreThread, clock: Clock) -> BatchSink[PaneCount]:
    """The sink that keeps minutes in Cassandra; of several of a tag and minute in one batch the last."""

    def write(items: list[PaneCount]) -> None:
        counts = list({(count.normalized_tag, count.pane): count for count in items}.values())
        put, stamp_us = stores.stores.ports.panes.put, clock.now_ms() * 1_000
        for at in range(0, len(counts), _TOGETHER):
            stores.retry_until(partial(put, counts[at : at + _TOGETHER], stamp_us), _CALL_S, _RETRY_FOR_S)

    return BatchSink(write)
