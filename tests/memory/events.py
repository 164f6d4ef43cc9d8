"""Events in memory, and the rows that follow from them."""

from typing import cast

from domain.events import Event
from domain.ids import EventId
from domain.relations import RelationState
from storage.projections import projection_of
from storage.projections.relations import superseded_rows
from storage.rows import event_row
from tests.memory.tables import MemoryTables, int_of


class MemoryEventStore:
    """Events by minute and log partition."""

    def __init__(self, tables: MemoryTables, partitions: int) -> None:
        self._tables = tables
        self._partitions = partitions

    async def commit(self, event: Event) -> None:
        await self._tables.turn()
        self._tables.apply([event_row(event, self._partitions), *projection_of(event).rows(event)])

    async def remove_superseded(self, event: Event, state: RelationState) -> None:
        await self._tables.turn()
        self._tables.apply(superseded_rows(event, state))

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        await self._tables.turn()
        found = self._tables.partition("events_by_minute", minute, partition)
        return [
            (EventId(int_of(key[0])), cast(bytes, row.get("body"))) for key, row in found if int_of(key[0]) > after
        ][:limit]

    async def event_ids_of(self, minute: int, *, after: EventId) -> list[tuple[int, EventId]]:
        await self._tables.turn()
        return [
            (partition, EventId(int_of(key[0])))
            for partition in range(self._partitions)
            for key, _ in self._tables.partition("events_by_minute", minute, partition)
            if int_of(key[0]) > after
        ]
