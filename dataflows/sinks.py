"""Where rankings and minutes go. All that is written is absolute: what comes twice changes nothing."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from typing_extensions import override

from dataflows.store_thread import StoreThread
from dataflows.trends import Ranking
from domain.clock import Clock
from domain.errors import Overloaded, StoreUnavailable
from domain.trends import PaneCount, Trend
from storage import values
from telemetry.logs import logger

_ALL_AGAIN_MS = 5_000
"""How often everything is published, changed or not."""
_CALL_S = 10.0
_PATIENCE_S = 20.0
"""How long minutes wait for Cassandra before the dataflow gives up and goes back to its snapshot."""
_TOGETHER = 2_000
"""Minutes of tags in one call; a dataflow that caught up with days has very many."""
Publish = Callable[[str, int, Mapping[str, bytes], Collection[str] | None], bool]
"""`TrendStore.publish`, which is waited for."""


class RankingSink(DynamicSink[Ranking]):
    """Publishes rankings in Redis, each place's list as it is answered."""

    def __init__(self, stores: StoreThread, clock: Clock) -> None:
        self._stores = stores
        self._clock = clock

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> "RankingPartition":
        return RankingPartition(self._publish, self._clock)

    def _publish(self, *what: Any) -> bool:
        return self._stores.call(self._stores.stores.ports.trends.publish(*what), _CALL_S)


class RankingPartition(StatelessSinkPartition[Ranking]):
    """Writes what changed since the last write; all of it now and then, and where that was lost."""

    def __init__(self, publish: Publish, clock: Clock) -> None:
        self._publish = publish
        self._clock = clock
        self._written: dict[str, Mapping[str, Sequence[Trend]]] = {}
        self._all_at_ms = 0

    @override
    def write_batch(self, items: list[Ranking]) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms >= self._all_at_ms:
            self._written.clear()
            self._all_at_ms = now_ms + _ALL_AGAIN_MS
        for ranking in {item.window: item for item in items}.values():
            before = self._written.pop(ranking.window, None)
            try:
                if (before is not None and self._write(ranking, before)) or self._write(ranking):
                    self._written[ranking.window] = ranking.places
            except (StoreUnavailable, Overloaded, TimeoutError) as error:
                logger().warning("trends were not published", window=ranking.window, error=str(error))

    def _write(self, ranking: Ranking, before: Mapping[str, Sequence[Trend]] | None = None) -> bool:
        """Publish what changed since something that is there, or all of it."""
        held = before or {}
        tops = {place: values.trends(top) for place, top in ranking.places.items() if held.get(place) != top}
        gone = None if before is None else held.keys() - ranking.places.keys()
        return self._publish(ranking.window, ranking.as_of_ms, tops, gone)


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
        newest = {(count.folded, count.pane): count for count in items}
        put, stamp_us = self._stores.stores.ports.panes.put, self._clock.now_ms() * 1_000
        counts = list(newest.values())
        for at in range(0, len(counts), _TOGETHER):
            some = counts[at : at + _TOGETHER]
            self._stores.insist(partial(put, some, stamp_us), _CALL_S, _PATIENCE_S)
