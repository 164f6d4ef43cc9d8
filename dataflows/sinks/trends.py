"""Sinks of trends: rankings in Redis, and minutes of tags in Cassandra, as history.

All that is written is absolute: what comes twice changes nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Self, TypeVar

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from typing_extensions import override

from dataflows.store_thread import StoreThread
from domain.clock import Clock
from domain.errors import Overloaded, StoreUnavailable
from domain.trends.tag_counts import PaneCount, Ranking, Trend
from storage import values
from telemetry.logs import logger

_ALL_AGAIN_MS = 5_000
"""Everything is published so often, changed or not."""
_CALL_S = 10.0
_RETRY_FOR_S = 20.0
"""Minutes wait so long for Cassandra before the dataflow gives up and goes back to its snapshot."""
_TOGETHER = 2_000
"""Minutes of tags in one call; a dataflow that caught up with days has very many."""
Item = TypeVar("Item")
Publish = Callable[[str, int, Mapping[str, bytes], Collection[str] | None], bool]
"""`TrendStore.publish`, waited for."""


class BatchSink(DynamicSink[Item], StatelessSinkPartition[Item]):
    """Hands each batch to a function. Without state it is its own partition, on every worker."""

    def __init__(self, write: Callable[[list[Item]], None]) -> None:
        self._write = write

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> Self:
        return self

    @override
    def write_batch(self, items: list[Item]) -> None:
        self._write(items)


def ranking_sink(stores: StoreThread, clock: Clock) -> BatchSink[Ranking]:
    """The sink that publishes rankings, each place's list as it is answered."""

    def publish(*arguments: Any) -> bool:
        return stores.call(stores.stores.ports.trends.publish(*arguments), _CALL_S)

    return BatchSink(RankingPublisher(publish, clock).write)


def minute_sink(stores: StoreThread, clock: Clock) -> BatchSink[PaneCount]:
    """The sink that keeps minutes in Cassandra; of several of a tag and minute in one batch the last."""

    def write(items: list[PaneCount]) -> None:
        counts = list({(count.normalized_tag, count.pane): count for count in items}.values())
        put, stamp_us = stores.stores.ports.panes.put, clock.now_ms() * 1_000
        for at in range(0, len(counts), _TOGETHER):
            stores.retry_until(partial(put, counts[at : at + _TOGETHER], stamp_us), _CALL_S, _RETRY_FOR_S)

    return BatchSink(write)


class RankingPublisher:
    """Publishes what changed since the last write; all of it now and then, and where that was lost."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._written: dict[str, Mapping[str, Sequence[Trend]]] = {}
        self._all_at_ms = 0

    def write(self, items: list[Ranking]) -> None:
        """Publish the newest ranking of each window."""
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._all_at_ms:
            self._written.clear()
            self._all_at_ms = now_ms + _ALL_AGAIN_MS
        for ranking in {item.window: item for item in items}.values():
            before = self._written.pop(ranking.window, None)
            try:
                if (before is not None and self._publish_changes(ranking, before)) or self._publish_changes(ranking):
                    self._written[ranking.window] = ranking.places
            except (StoreUnavailable, Overloaded, TimeoutError) as error:
                logger().warning("trends were not published", window=ranking.window, error=str(error))

    def _publish_changes(self, ranking: Ranking, before: Mapping[str, Sequence[Trend]] | None = None) -> bool:
        """Publish what changed since something that is there, or all of it."""
        held = before or {}
        tops = {place: values.trends(top) for place, top in ranking.places.items() if held.get(place) != top}
        gone = None if before is None else held.keys() - ranking.places.keys()
        return self._publish(ranking.window, ranking.as_of_ms, tops, gone)
