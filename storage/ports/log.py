"""The event log: the newest events, in a stream for each partition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from domain.events import Event


class LogRecord(NamedTuple):
    """One event as a reader meets it: where it stands and its bytes."""

    partition: int
    offset: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """Result of one read of the log.

    `first` holds the oldest offset of each partition that is not empty. An offset is `<ms>-<n>`, the ms being
    the wall time at which the event was appended; offsets of one partition grow.
    """

    incarnation: str
    records: tuple[LogRecord, ...]
    first: Mapping[int, str] = field(default_factory=dict)


class LogEnd(NamedTuple):
    """The end of one partition: the offset of its last event, and how many are kept."""

    last: str
    entries: int


BEGINNING = "0-0"
"""The offset before every other."""


class EventLog(Protocol):
    """The tail of the event log: one stream per partition, the newest `log_entries_max` of each."""

    async def append(self, events: Sequence[Event]) -> None:
        """Append events to their partitions, each tweet first to its author's recent tweets (if that list exists)."""

    async def read(self, offsets: Mapping[int, str], *, limit: int, wait_ms: int) -> LogRead:
        """The events after some offsets, at most `limit` a partition; waits up to `wait_ms` if there are none."""

    async def ends(self) -> dict[int, LogEnd]:
        """The end of every partition; `BEGINNING` and 0 for one that is empty."""

    async def incarnation(self) -> str:
        """The token of this life of the store. Another token means that everything in it was lost."""
