"""Statements as values: what they say, and how they may be sent."""

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """Ways in which a statement may be sent."""

    READ = "read"
    """Idempotent: sent to a second node when the first is slow."""
    WRITE = "write"
    """Idempotent, because it carries its stamp or an absolute value: retried once by the driver."""
    CAS = "cas"
    """A lightweight transaction: sent once, at serial consistency."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """One CQL statement; made once, at module level, since it is its own key in the cache of prepared ones."""

    text: str
    kind: Kind
    fetch_rows: int = 1_000
    """Rows of one page."""


def read(text: str, *, fetch_rows: int = 1_000) -> Statement:
    return Statement(text, Kind.READ, fetch_rows)


def write(text: str) -> Statement:
    """A write that may be repeated."""
    return Statement(text, Kind.WRITE)


def cas(text: str) -> Statement:
    return Statement(text, Kind.CAS)
