"""Trends in memory: panes of tags, and the tops of every place and window."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from domain.limits import Limits
from domain.trends.tag_counts import PaneCount
from tests.memory.redis import MemoryRedis, StoredTops
from tests.memory.tables import Turn, no_faults


class MemoryPaneStore:
    """`PaneStore` of one process: by tag and pane, with the stamp of the writer."""

    def __init__(self, turn: Turn = no_faults) -> None:
        self._turn = turn
        self._panes: defaultdict[str, dict[int, tuple[int, PaneCount]]] = defaultdict(dict)

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        await self._turn()
        for count in counts:
            panes = self._panes[count.normalized_tag]
            held_us, _ = panes.get(count.pane, (stamp_us, count))
            if held_us <= stamp_us:
                panes[count.pane] = stamp_us, count

    async def panes(self, normalized_tag: str, first: int, last: int) -> list[PaneCount]:
        await self._turn()
        found = sorted(self._panes[normalized_tag].items())
        return [count for pane, (_, count) in found if first <= pane <= last and count.count]


class MemoryTrendStore:
    """`TrendStore` on a `MemoryRedis`."""

    def __init__(self, redis: MemoryRedis, limits: Limits, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._limits = limits
        self._turn = turn

    async def publish(
        self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None = None
    ) -> bool:
        await self._turn()
        held = self._redis.tops(window)
        if (held.as_of_ms > as_of_ms) if held is not None else (gone is not None):
            return False
        stay = {} if held is None or gone is None else held.tops
        stored = {place: top for place, top in {**stay, **tops}.items() if place not in (gone or ())}
        self._redis.set_tops(window, StoredTops(as_of_ms, stored, self._redis.in_s(self._limits.cache_ttl_s)))
        return True

    async def top(self, window: str, place: str) -> tuple[int, bytes | None] | None:
        await self._turn()
        held = self._redis.tops(window)
        return None if held is None else (held.as_of_ms, held.tops.get(place))
