"""Events that were given up."""

from typing import NamedTuple, Protocol

from domain.ids import EventId


class DeadLetter(NamedTuple):
    """An event that a consumer could not handle; `day` is days since the epoch of when it was given up."""

    day: int
    event_id: EventId
    consumer: str
    partition: int
    body: bytes
    error: str
    attempts: int


class DeadLetterStore(Protocol):
    """Events given up, kept 30 days."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a dead letter; one of the same day, event and consumer replaces it."""

    async def letters(self, *, limit: int) -> list[DeadLetter]:
        """The latest days' letters, newest day first."""

    async def remove(self, letter: DeadLetter) -> None:
        """Forget a letter."""
