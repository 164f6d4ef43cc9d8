"""Relations on tables in memory."""

from collections.abc import Sequence
from itertools import chain

import numpy as np

from domain.ids import Ids, UserId, follower_bucket
from domain.relations import BY_RANGE, INACTIVE, Relation, RelationState
from storage.rows import tables_of
from tests.memory.tables import MemoryTables, StoredRow, int_of


class MemoryRelationStore:
    """`RelationStore` on the tables of each relation."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def state(self, relation: Relation, user: UserId, target: int) -> RelationState:
        await self._tables.turn()
        return self._state(relation, user, target)

    async def states(self, relation: Relation, pairs: Sequence[tuple[UserId, int]]) -> list[RelationState]:
        await self._tables.turn()
        return [self._state(relation, *pair) for pair in pairs]

    async def active_among(self, relation: Relation, user: UserId, targets: Sequence[int]) -> set[int]:
        await self._tables.turn()
        return {target for target in targets if self._state(relation, user, target).active}

    async def recent_targets(self, relation: Relation, user: UserId, *, limit: int) -> tuple[list[int], int]:
        await self._tables.turn()
        rows = self._tables.partition(tables_of(relation).by_user, user, newest_first=True)[:limit]
        floor = int_of(rows[-1][0][0]) - 1 if len(rows) == limit else 0
        return [int_of(key[0]) for key, row in rows if row.get("active")], floor

    async def all_targets(self, relation: Relation, user: UserId) -> list[tuple[int, int]]:
        await self._tables.turn()
        return self._all_targets(relation, user)

    async def details(self, relation: Relation, user: UserId) -> dict[int, tuple[int, ...]]:
        await self._tables.turn()
        assert relation.details, f"a {relation.name} has no details"
        rows = self._tables.partition(tables_of(relation).by_user, user)
        return {int_of(key[0]): _details(row) for key, row in rows if row.get("active")}

    async def targets(self, relation: Relation, user: UserId, *, before: int, limit: int) -> list[tuple[int, int]]:
        await self._tables.turn()
        if not relation.targets_by_time:
            return [pair for pair in self._all_targets(relation, user) if pair[1] < before][:limit]
        rows = self._tables.partition(tables_of(relation).by_user_time, user, newest_first=True)
        found = [(int_of(row.get("target_id")), int_of(key[0])) for key, row in rows]
        return [pair for pair in found if pair[1] < before][:limit]

    async def sources(self, relation: Relation, target: int, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        await self._tables.turn()
        assert relation.sources, f"nobody asks whose {relation.name} a target has"
        table = tables_of(relation).by_target_time
        rows = chain.from_iterable(
            self._tables.partition(table, target, bucket) for bucket in range(relation.sources.buckets)
        )
        found = [(UserId(int_of(row.get("user_id"))), int_of(key[0])) for key, row in rows]
        return sorted((pair for pair in found if pair[1] < before), key=lambda pair: pair[1], reverse=True)[:limit]

    async def sources_in(self, relation: Relation, target: int, ranges: Sequence[int]) -> Ids:
        await self._tables.turn()
        assert relation.sources is BY_RANGE
        desired = set(ranges)
        found = [
            int_of(key[1])
            for bucket in sorted({follower_bucket(range_) for range_ in desired})
            for key, _ in self._tables.partition(tables_of(relation).by_target, target, bucket)
            if key[0] in desired
        ]
        return np.array(found, dtype=np.uint64)

    def _all_targets(self, relation: Relation, user: UserId) -> list[tuple[int, int]]:
        rows = self._tables.partition(tables_of(relation).by_user, user)
        active = [(int_of(key[0]), int_of(row.get("event_id"))) for key, row in rows if row.get("active")]
        return sorted(active, key=lambda pair: pair[1], reverse=True)

    def _state(self, relation: Relation, user: UserId, target: int) -> RelationState:
        row = self._tables.row(tables_of(relation).by_user, user, target)
        if row is None:
            return INACTIVE
        active, event_id = bool(row.get("active")), int_of(row.get("event_id"))
        return RelationState.stored(active, event_id, row.stamp_us("active"), row.active_events, _details(row))


def _details(row: StoredRow) -> tuple[int, ...]:
    details = row.get("details") or ()
    assert isinstance(details, tuple)
    return tuple(map(int, details))
