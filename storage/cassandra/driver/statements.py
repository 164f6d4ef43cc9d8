"""Statements as values: what they say, and how they may be sent."""

from dataclasses import dataclass
from enum import Enum
from functools import partial


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


read = partial(Statement, kind=Kind.READ)
write = partial(Statement, kind=Kind.WRITE)
cas = partial(Statement, kind=Kind.CAS)
