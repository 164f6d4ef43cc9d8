"""Sets that are counted: their members in order, and the segments of those that are large."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from domain.counts import CountedSet
from domain.segments import Place, Segment


class Member(NamedTuple):
    """A member of a set, and whether it counts; some that do not are kept."""

    place: Place
    counts: bool


class CountStore(Protocol):
    """Members are there by the events that put them in; segments are what was counted of them (`storage.sizes`)."""

    async def members(self, set_: CountedSet, start: Place, end: Place, *, limit: int) -> list[Member]:
        """The first members from one place to before another, in order; fewer than `limit` only if there are no more.

        Of the whole set at least `limit` if there are so many.
        """

    async def branches(self, subject: int) -> dict[str, list[Segment]]:
        """The branches of all sets of a subject that have any, by name, in order."""

    async def leaves(self, set_: CountedSet, start: Place, end: Place) -> list[Segment]:
        """The leaves that begin from one place to before another, in order."""

    async def keep(self, set_: CountedSet, leaves: Sequence[Segment], branches: Sequence[Segment], stamp: int) -> None:
        """Write segments as of a stamp, all in one step: of two with one start that with the larger stamp stays."""
