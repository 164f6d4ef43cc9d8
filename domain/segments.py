"""Segments: stretches of a counted set with the size of each, so that a change is counted where it is and nowhere else.

The members of a set have places, in order. A leaf is a segment of members, a branch one of leaves, and the branches
together are the set: counting after a change reads the members of one leaf, the leaves of one branch, and the branches.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """A place in the order of a set: a slot, by which stores spread it over partitions, and a member's id."""

    slot: int
    id: int

    def next(self) -> "Place":
        """The first place after this one."""
        return Place(self.slot, self.id + 1)


START, END = Place(0, 0), Place((1 << 31) - 1, 0)
"""The first place there can be, and one after all."""


class Segment(NamedTuple):
    """The places from `start` to before `end`, and how many of the members there count; None if that is not known."""

    start: Place
    end: Place
    size: int | None


def chained(stored: Iterable[Segment], start: Place = START, end: Place = END) -> list[Segment]:
    """Segments of which each begins where the one before ends, from `start` to `end`.

    Of those that are stored, in order, one that begins within another is what somebody wrote who was late: it does not
    count. What none of them covers is not counted yet.
    """
    found: list[Segment] = []
    at = start
    for segment in stored:
        if segment.start < at:
            continue
        if segment.start > at:
            found.append(Segment(at, segment.start, None))
        found.append(segment)
        at = segment.end
    return found if at == end else [*found, Segment(at, end, None)]


def to_count(segments: Sequence[Segment], places: Iterable[Place]) -> list[Segment]:
    """Those of some chained segments that have one of the places, or are not counted yet."""
    starts, end = [segment.start for segment in segments], segments[-1].end
    found = {bisect_right(starts, place) - 1 for place in places if starts[0] <= place < end}
    return [segment for at, segment in enumerate(segments) if at in found or segment.size is None]


def cut(parts: Sequence[tuple[Place, int | None]], start: Place, end: Place, longest: int) -> list[Segment]:
    """Segments from `start` to `end`, of equal length, none with more than `longest` parts: members, or leaves.

    A part is its place and its size; a segment with a part of unknown size is of unknown size.
    """
    count = max(1, -(-len(parts) // longest))
    bounds = [len(parts) * at // count for at in range(count + 1)]
    starts = [start, *(parts[at][0] for at in bounds[1:-1]), end]
    return [
        Segment(starts[at], starts[at + 1], total(size for _, size in parts[bounds[at] : bounds[at + 1]]))
        for at in range(count)
    ]


def total(sizes: Iterable[int | None]) -> int | None:
    """The sum of some sizes, if all are known."""
    found = 0
    for size in sizes:
        if size is None:
            return None
        found += size
    return found
