"""Sizes of sets against the sets themselves, whatever happens to them, in whichever order it is heard of."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from domain.counts import CountedSet, place_of
from domain.limits import SMALL
from domain.segments import END, START, Place, Segment
from storage.ports.counts import Member
from storage.rows import Delete, Upsert
from storage.sizes import Size, Sizes
from tests.memory.counts import MemoryCountStore
from tests.memory.tables import MemoryTables

TWEET = 7
LIKES = CountedSet("likes", TWEET)
MEMBERS = tuple(1_000_003 * number for number in range(1, 60))
LONGEST = 2
LIMITS = replace(SMALL, segment_max=LONGEST)
EPOCH = 1 << 40


class Likes:
    """The likes of one tweet, and the store that counts them."""

    def __init__(self) -> None:
        self.tables = MemoryTables()
        self.store = MemoryCountStore(self.tables)
        self.now: set[int] = set()
        self._stamp_us = 0

    def set(self, user: int, *, liked: bool) -> None:
        self._stamp_us += 1
        key = (TWEET, place_of("likes", user).slot, user)
        row = (
            Upsert("likes_by_target", key, self._stamp_us) if liked else Delete("likes_by_target", key, self._stamp_us)
        )
        self.tables.apply([row])
        (self.now.add if liked else self.now.discard)(user)

    async def recount(self, stamp: int, *users: int, store: MemoryCountStore | None = None) -> Size | None:
        sizes = Sizes(store or self.store, LIMITS)
        return (await sizes.recount(TWEET, {"likes": [place_of("likes", user) for user in users]}, stamp))["likes"]

    async def recount_whole(self, stamp: int, *users: int) -> int:
        """Recount, and go on until all of it is counted, with one stamp after another."""
        while (size := await self.recount(stamp, *users)) is None:
            stamp, users = stamp + 1, ()
        return size.size

    async def read(self, *users: int) -> int:
        found = await Sizes(self.store, LIMITS).read(TWEET, {"likes": [place_of("likes", user) for user in users]})
        return found["likes"].size


class Late(MemoryCountStore):
    """A store that a process writes to long after it has read; `written` lets it go on."""

    def __init__(self, likes: Likes) -> None:
        super().__init__(likes.tables)
        self._segments = likes.store._segments
        self.written = asyncio.Event()

    @override
    async def keep(self, set_: CountedSet, leaves: Sequence[Segment], branches: Sequence[Segment], stamp: int) -> None:
        await self.written.wait()
        await super().keep(set_, leaves, branches, stamp)


acts = st.lists(st.tuples(st.sampled_from(MEMBERS), st.booleans()), max_size=8)


@given(st.lists(acts, max_size=20))
async def test_sizes_are_exact_however_batches_come(batches: list[list[tuple[int, bool]]]) -> None:
    likes = Likes()
    for number, batch in enumerate(batches):
        for user, liked in batch:
            likes.set(user, liked=liked)
        if batch:
            stamp = EPOCH + 1_000 * number
            assert await likes.recount_whole(stamp, *(user for user, _ in batch)) == len(likes.now)
    assert await likes.read() == len(likes.now)


@settings(max_examples=50)
@given(st.lists(st.tuples(acts, acts, st.integers(0, 3)), min_size=1, max_size=6))
async def test_what_an_earlier_owner_writes_late_makes_no_difference(
    turns: list[tuple[list[tuple[int, bool]], list[tuple[int, bool]], int]],
) -> None:
    """It reads, and writes what it read after its successor has counted what happened meanwhile."""
    likes = Likes()
    for user in MEMBERS[:9]:
        likes.set(user, liked=True)
    assert await likes.recount_whole(0, *MEMBERS[:9]) == 9
    late: list[tuple[Late, asyncio.Task[Size | None]]] = []
    for number, (before, after, writes) in enumerate(turns):
        for user, liked in before:
            likes.set(user, liked=liked)
        store, users = Late(likes), [user for user, _ in before]
        late.append((store, asyncio.create_task(likes.recount(100 + number, *users, store=store))))
        for _ in range(20):
            await asyncio.sleep(0)
        for user, liked in after:
            likes.set(user, liked=liked)
        users += [user for user, _ in after]  # whoever is late has saved no offset: its events come again
        if users:
            assert await likes.recount_whole(EPOCH + 100 * number, *users) == len(likes.now)
        for each, task in late[:writes]:
            each.written.set()
            await task
        assert await likes.read() == len(likes.now)
    for each, task in late:
        each.written.set()
        await task
    assert await likes.read() == len(likes.now)
    users = list(MEMBERS)
    assert await likes.recount_whole(2 * EPOCH, *users) == len(likes.now)


async def test_a_set_that_was_never_counted_is_counted_in_steps_and_events_meanwhile_are_counted_too() -> None:
    likes = Likes()
    many = [1_000_003 * number for number in range(1, 300)]
    for user in many:
        likes.set(user, liked=True)
    steps, stamp = 0, EPOCH
    while (size := await likes.recount(stamp, many[steps])) is None:
        likes.set(many[steps], liked=False)
        assert await likes.recount(stamp + 1, many[steps]) in (None, Size(len(likes.now)))
        assert await likes.read() == len(likes.now), "as it is now, where it is not counted yet"
        steps, stamp = steps + 1, stamp + 2
    assert size == Size(len(likes.now))
    assert steps > 3


async def test_a_leaf_that_grew_unseen_is_counted_in_steps() -> None:
    likes = Likes()
    for user in MEMBERS[:10]:
        likes.set(user, liked=True)
    assert await likes.recount(EPOCH, *MEMBERS[:10]) == Size(10)
    for user in range(1, 300):
        likes.set(user, liked=True)
    assert await likes.recount(EPOCH + 1, 5) is None
    assert await likes.recount_whole(EPOCH + 2, *range(1, 300)) == len(likes.now)
    assert await likes.read() == len(likes.now)


async def test_no_read_is_longer_than_a_few_leaves() -> None:
    class Measured(MemoryCountStore):
        longest = 0

        @override
        async def members(self, set_: CountedSet, start: Place, end: Place, *, limit: int) -> list[Member]:
            found = await super().members(set_, start, end, limit=limit)
            self.longest = max(self.longest, len(found))
            return found

    likes = Likes()
    for number, user in enumerate(MEMBERS):
        likes.set(user, liked=True)
        assert await likes.recount(EPOCH + number, user) is not None
    measured = Measured(likes.tables)
    measured._segments = likes.store._segments
    assert await likes.recount(EPOCH + 100, MEMBERS[5], store=measured) == Size(len(MEMBERS))
    assert 0 < measured.longest <= 2 * LONGEST
    leaves = [leaf for (_, level, _), (_, leaf) in likes.store._segments.items() if level == 0]
    assert len(leaves) > len(MEMBERS) / LONGEST


@pytest.mark.parametrize("start", [START, Place(2, 5)])
async def test_segments_that_were_lost_are_made_again(start: Place) -> None:
    likes = Likes()
    for user in MEMBERS:
        likes.set(user, liked=True)
    assert await likes.recount(EPOCH, *MEMBERS) is None
    stamp = EPOCH
    while await likes.recount(stamp := stamp + 1) is None:
        pass
    for key in [key for key in likes.store._segments if key[2] >= start]:
        del likes.store._segments[key]
    assert await likes.read() == len(MEMBERS)
    while (size := await likes.recount(stamp := stamp + 1)) is None:
        pass
    assert size.size == await likes.read() == len(MEMBERS)
    assert {END} == {max(segment.end for _, segment in likes.store._segments.values())}
