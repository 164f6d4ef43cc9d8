"""Events and what follows from them."""

from typing import Protocol

from domain.events import Event
from domain.ids import EventId
from domain.relations import RelationState


class EventStore(Protocol):
    """Events and the rows that follow from them."""

    async def commit(self, event: Event) -> None:
        """Write an event and its rows, all or (in the end) none. Durable at the configured consistency on return."""

    async def remove_superseded(self, event: Event, state: RelationState) -> None:
        """Remove what the `superseded` events of a relation left beside it; `event` is any event of that relation."""

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        """The events of one minute (since the epoch) and partition with id > `after`, oldest first, encoded."""

    async def event_ids_of(self, minute: int, *, after: EventId) -> list[tuple[int, EventId]]:
        """The partition and the id of each event of one minute with id > `after`; those of a partition oldest first."""
