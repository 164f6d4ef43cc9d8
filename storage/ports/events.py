"""Events and what follows from them."""

from typing import Protocol

from domain.events import Event
from domain.graph import Toggle
from domain.ids import EventId


class EventStore(Protocol):
    """Events and the rows that follow from them."""

    async def commit(self, event: Event) -> None:
        """Write an event and its rows, all or (in the end) none. Durable at the configured consistency on return."""
        ...

    async def take_back(self, event: Event, switch: Toggle) -> None:
        """Take back what the `lost` of a switch left beside it; `event` is any event of that switch."""
        ...

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        """The events of one minute (since the epoch) and partition with id > `after`, oldest first, encoded."""
        ...

    async def event_ids_of(self, minute: int, partition: int, *, after: EventId) -> list[EventId]:
        """The ids alone, all of them, oldest first."""
        ...
