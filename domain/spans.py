"""Parts of a text."""

from collections.abc import Iterable
from typing import NamedTuple


class Span(NamedTuple):
    """The characters of a text from `start` on, up to before `end`."""

    start: int
    end: int


def covers(spans: Iterable[Span], at: int) -> bool:
    """True if a character lies in one of them."""
    return any(span.start <= at < span.end for span in spans)
