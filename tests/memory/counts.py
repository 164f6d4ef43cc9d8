"""Sets that are counted, on tables in memory, and their segments."""

from collections.abc import Iterator, Sequence

from domain.counts import CountedSet, place_of
from domain.relations import RELATIONS
from domain.segments import Place, Segment
from storage.ports.counts import Member
from storage.rows import tables_of
from tests.memory.tables import MemoryTables, int_of


class MemoryCountStore:
    """`CountStore` on tables in memory."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables
        self._segments: dict[tuple[CountedSet, int, Place], tuple[int, Segment]] = {}
        """The stamp and the segment by set, level and start."""

    async def members(self, set_: CountedSet, start: Place, end: Place, *, limit: int) -> list[Member]:
        await self._tables.turn()
        found = sorted(Member(place_of(set_.name, id_), counts) for id_, counts in self._members(*set_))
        return [member for member in found if start <= member.place < end][:limit]

    async def branches(self, subject: int) -> dict[str, list[Segment]]:
        await self._tables.turn()
        found: dict[str, list[Segment]] = {}
        for (set_, level, _), (_, segment) in sorted(self._segments.items()):
            if set_.subject == subject and level == 1:
                found.setdefault(set_.name, []).append(segment)
        return found

    async def leaves(self, set_: CountedSet, start: Place, end: Place) -> list[Segment]:
        await self._tables.turn()
        leaves = (segment for (of, level, _), (_, segment) in self._segments.items() if (of, level) == (set_, 0))
        return sorted(leaf for leaf in leaves if start <= leaf.start < end)

    async def keep(self, set_: CountedSet, leaves: Sequence[Segment], branches: Sequence[Segment], stamp: int) -> None:
        await self._tables.turn()
        for level, segments in enumerate((leaves, branches)):
            for segment in segments:
                key = (set_, level, segment.start)
                if key not in self._segments or self._segments[key][0] < stamp:
                    self._segments[key] = (stamp, segment)

    def _members(self, name: str, id_: int) -> Iterator[tuple[int, bool]]:
        """The members of a set, and whether each counts."""
        for relation in RELATIONS:
            tables = tables_of(relation)
            if name == relation.user_counted:
                for key, row in self._tables.partition(tables.by_user, id_):
                    yield int_of(key[0]), bool(row.get("active"))
            if name == relation.counted and relation.sources:
                for bucket in range(relation.sources.buckets):
                    for key, _ in self._tables.partition(tables.by_target, id_, bucket):
                        yield int_of(key[-1]), True
        if name in ("tweets", "replies", "quotes"):
            not_counted = {"tweets": "retweet_of", "replies": "deleted"}.get(name, "")
            for key, row in self._tables.partition(name, id_):
                yield int_of(key[0]), not row.get(not_counted)
