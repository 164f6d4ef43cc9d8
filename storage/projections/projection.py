"""Projections as values: all that follows from an event of one kind, a column for each consumer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from domain.events import Event
from domain.relations import Target
from storage.ports.cache import ListKey
from storage.rows import Row

E = TypeVar("E", bound=Event)


class Count(NamedTuple):
    """A set to be counted: `name` of `TweetCounts` or `UserCounts`, of what, and the member that may have changed."""

    target: Target
    id: int
    name: str
    member: int


class Entry(NamedTuple):
    """Entry that an event adds to timelines: its own id, and the tweet that is shown."""

    id: int
    tweet: int


def nothing(_: Event) -> tuple[()]:
    """Nothing of a kind follows."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection(Generic[E]):
    """Everything that follows from one kind of event; pure functions, each of one event."""

    rows: Callable[[E], Iterable[Row]]
    """The rows in the event's own batch, in no particular order; the event's own row is not among them."""
    invalidates: Callable[[E], Iterable[str | ListKey]] = nothing
    """Cached values and lists that it makes stale; counts are not among them, they are recounted."""
    recounts: Callable[[E], Iterable[Count]] = nothing
    """The sets whose size it may have changed."""
    change: int = 0
    """By how much it changes each of them, unless it is a repeat."""
    entry: Callable[[E], Entry | None] = lambda _: None
    """Entry that it adds to the timelines of its actor and their followers."""
