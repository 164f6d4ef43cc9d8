"""Sizes of sets, by their segments: counted anew where members changed, and nowhere else."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from domain.counts import CountedSet
from domain.limits import Limits
from domain.segments import END, START, Place, Segment, chained, cut, to_count, total
from storage.ports.counts import CountStore, Member

Touched = Mapping[str, Collection[Place]]
"""Sets of one subject by name, and the places in each at which something may have changed."""
_CountLeaf = Callable[[CountedSet, Segment], Awaitable[list[Segment]]]
"""Counts a leaf: the leaves in its place, none if it stays as it is."""
_AT_ONCE = 32
"""Leaves counted side by side."""
_MADE_LEAVES = 16
"""Leaves that are made at a time of what is not counted yet."""
_SCANNED_MEMBERS = 5_000


class Size(NamedTuple):
    """The size of a set, and whether all of its members were looked at for it."""

    size: int
    whole: bool = False


class _Renewed(NamedTuple):
    """Leaves that were counted, branches that were made of them, and the size of the whole."""

    leaves: list[Segment]
    branches: list[Segment]
    size: int | None


class Sizes:
    """The sizes of the sets of tweets and users.

    A set is counted as it is until it is longer than two leaves. From then on its segments are kept. One process at a
    time writes them: it has larger stamps than those before it, so what these write late loses, or begins within a
    segment of its own and is passed over.
    """

    def __init__(self, store: CountStore, limits: Limits) -> None:
        self._store = store
        self._longest = limits.segment_max
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def read(self, subject: int, touched: Touched) -> dict[str, Size]:
        """The sizes as they were last counted; what was touched, or is not counted yet, as it is now."""
        stored = await self._store.branches(subject)
        sets = [(CountedSet(name, subject), stored.get(name), places) for name, places in touched.items()]
        sizes = await asyncio.gather(*(self._read(*each) for each in sets))
        return dict(zip(touched, sizes, strict=True))

    async def recount(self, subject: int, touched: Touched, stamp: int) -> dict[str, Size | None]:
        """Count what was touched as it is now, and some of what is not counted yet: None if more of that is left.

        What was counted is kept as of a stamp, which is larger than those of all recounts that began before.
        """
        stored = await self._store.branches(subject)
        sets = [(CountedSet(name, subject), stored.get(name), places) for name, places in touched.items()]
        sizes = await asyncio.gather(*(self._recount(*each, stamp) for each in sets))
        return dict(zip(touched, sizes, strict=True))

    async def _read(self, set_: CountedSet, stored: Sequence[Segment] | None, places: Collection[Place]) -> Size:
        if stored is None:
            return await self._small(set_) or Size(await self._scan(set_, START, END), whole=True)

        async def scan(set_: CountedSet, leaf: Segment) -> list[Segment]:
            return [leaf._replace(size=await self._scan(set_, leaf.start, leaf.end))]

        size = (await self._renew(set_, stored, places, scan)).size
        assert size is not None, "what was not counted was scanned"
        return Size(size)

    async def _recount(
        self, set_: CountedSet, stored: Sequence[Segment] | None, places: Collection[Place], stamp: int
    ) -> Size | None:
        if stored is None and (small := await self._small(set_)):
            return small
        made = False

        async def count(set_: CountedSet, leaf: Segment) -> list[Segment]:
            nonlocal made
            if leaf.size is not None:
                return await self._counted(set_, leaf, 2 * self._longest)
            if made:
                return []
            made = True
            return await self._counted(set_, leaf, _MADE_LEAVES * self._longest)

        renewed = await self._renew(set_, stored or (), places, count)
        if renewed.leaves:
            await self._store.keep(set_, renewed.leaves, renewed.branches, stamp)
        return None if renewed.size is None else Size(renewed.size)

    async def _renew(
        self, set_: CountedSet, stored: Sequence[Segment], places: Collection[Place], count: _CountLeaf
    ) -> _Renewed:
        """Count the leaves that have one of some places or are not counted yet, and add up what they are in."""
        branches = chained(stored)
        renewed = dict.fromkeys(to_count(branches, places))
        parts = await asyncio.gather(*(self._renew_branch(set_, branch, places, count) for branch in renewed))
        leaves, rebuilt = [leaf for part in parts for leaf in part[0]], [each for part in parts for each in part[1]]
        others = (branch for branch in branches if branch not in renewed)
        return _Renewed(leaves, rebuilt, total(branch.size for branch in chain(rebuilt, others)))

    async def _renew_branch(
        self, set_: CountedSet, branch: Segment, places: Collection[Place], count: _CountLeaf
    ) -> tuple[list[Segment], list[Segment]]:
        """The leaves of a branch that were counted, and the branches in its place."""
        leaves = chained(await self._store.leaves(set_, branch.start, branch.end), branch.start, branch.end)
        old = to_count(leaves, places)
        new = dict(zip(old, await asyncio.gather(*(count(set_, leaf) for leaf in old)), strict=True))
        all_ = [(each.start, each.size) for leaf in leaves for each in new.get(leaf) or [leaf]]
        return list(chain.from_iterable(new.values())), cut(all_, branch.start, branch.end, self._longest)

    async def _counted(self, set_: CountedSet, leaf: Segment, most: int) -> list[Segment]:
        """The leaves of up to so many members from where a leaf starts, and the rest of it, not counted yet."""
        async with self._gate:
            members = await self._store.members(set_, leaf.start, leaf.end, limit=most + 1)
        parts = [(member.place, int(member.counts)) for member in members[:most]]
        if len(members) <= most:
            return cut(parts, leaf.start, leaf.end, self._longest)
        rest = Segment(members[most].place, leaf.end, None)
        return [*cut(parts, leaf.start, rest.start, self._longest), rest]

    async def _small(self, set_: CountedSet) -> Size | None:
        """The size of a set that is not longer than two leaves; None of a longer one."""
        members = await self._store.members(set_, START, END, limit=2 * self._longest + 1)
        return Size(_counting(members), whole=True) if len(members) <= 2 * self._longest else None

    async def _scan(self, set_: CountedSet, start: Place, end: Place) -> int:
        """The number of all members from one place to before another, page by page."""
        size = 0
        while True:
            members = await self._store.members(set_, start, end, limit=_SCANNED_MEMBERS)
            size += _counting(members)
            if len(members) < _SCANNED_MEMBERS:
                return size
            start = members[-1].place.next()


def _counting(members: Sequence[Member]) -> int:
    return sum(member.counts for member in members)
