"""Entry lists: pushes, rebuilds, trims, and reads by who knows a list."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from domain.ids import UserId
from domain.limits import SMALL
from domain.timeline import NO_ENTRIES, Entries, EntryList, entries_of, newest_first
from storage.ports.cache import CacheStore, ListKey, ListKind, Pushed
from storage.ports.log import BEGINNING
from tests.contract.conftest import LossyStores, OpenStores
from tests.support.waiting import eventually

ALICE, BOB, CAROL = UserId(11), UserId(1 << 40), UserId((1 << 63) - 1)
BASE = 1 << 62
"""Ids so large that a double could not tell neighbours apart."""
HOME = ListKey(ListKind.HOME, ALICE)
MAX = SMALL.timeline_entries_max


def tweets(numbers: Iterable[int]) -> Entries:
    return entries_of([(BASE + number, BASE + number) for number in numbers])


async def push(cache: CacheStore, user: int, *numbers: int, kind: ListKind = ListKind.HOME) -> Pushed:
    return await cache.push(kind, np.full(len(numbers), user, dtype=np.uint64), tweets(numbers))


async def build(cache: CacheStore, key: ListKey, *numbers: int, floor: int = 0) -> None:
    assert await cache.begin_list(key, "a-builder")
    assert await cache.finish_list(key, "a-builder", EntryList(tweets(sorted(numbers, reverse=True)), floor))


async def stored(cache: CacheStore, key: ListKey = HOME) -> EntryList:
    ((found,), _) = await cache.fetch([key], [])
    assert found is not None
    return found


def numbers_of(found: EntryList) -> list[int]:
    """What a reader sees of a ready list, newest first."""
    assert found.floor is not None
    return [entry - BASE for entry, _ in newest_first(found.entries, above=found.floor).tolist()]


@pytest.mark.parametrize("kind", ListKind)
async def test_a_push_to_an_absent_list_does_nothing(stores: LossyStores, kind: ListKind) -> None:
    pushed = await push(stores.cache, ALICE, 1, 2, kind=kind)
    assert (pushed.delivered, pushed.absent, pushed.overfull.tolist()) == (0, 2, [])
    assert await stores.cache.fetch([ListKey(kind, ALICE)], []) == ([None], [])


@pytest.mark.parametrize("kind", ListKind)
async def test_a_list_takes_pushes_while_it_is_built_and_afterwards(stores: LossyStores, kind: ListKind) -> None:
    key = ListKey(kind, ALICE)
    assert await stores.cache.begin_list(key, "me")
    assert (await push(stores.cache, ALICE, 5, kind=kind)).delivered == 1
    building = await stored(stores.cache, key)
    assert building.floor is None
    assert building.entries.tolist() == tweets([5]).tolist()
    assert await stores.cache.finish_list(key, "me", EntryList(tweets([4, 3]), BASE + 2))
    assert (await push(stores.cache, ALICE, 6, kind=kind)).delivered == 1
    ready = await stored(stores.cache, key)
    assert ready.floor == BASE + 2
    assert numbers_of(ready) == [6, 5, 4, 3]


async def test_one_batch_reaches_many_users_with_any_number_of_entries_each(stores: LossyStores) -> None:
    for user in (ALICE, CAROL):
        await build(stores.cache, ListKey(ListKind.HOME, user))
    users = np.array([CAROL, ALICE, BOB, CAROL, CAROL, ALICE], dtype=np.uint64)
    pushed = await stores.cache.push(ListKind.HOME, users, tweets(range(1, 7)))
    assert (pushed.delivered, pushed.absent) == (5, 1)
    assert numbers_of(await stored(stores.cache)) == [6, 2]
    assert numbers_of(await stored(stores.cache, ListKey(ListKind.HOME, CAROL))) == [5, 4, 1]


async def test_an_empty_list_is_there(stores: LossyStores) -> None:
    await build(stores.cache, HOME)
    found = await stored(stores.cache)
    assert (len(found.entries), found.floor) == (0, 0)
    assert not await stores.cache.begin_list(HOME, "again")


async def test_a_retweet_keeps_its_original(stores: LossyStores) -> None:
    await build(stores.cache, HOME)
    retweet = entries_of([(BASE + 9, BASE + 1)])
    await stores.cache.push(ListKind.HOME, np.array([ALICE], dtype=np.uint64), retweet)
    assert (await stored(stores.cache)).entries.tolist() == retweet.tolist()


async def test_an_unlink_ends_a_rebuild(stores: LossyStores) -> None:
    assert await stores.cache.begin_list(HOME, "me")
    await stores.cache.unlink([HOME])
    assert not await stores.cache.finish_list(HOME, "me", EntryList(tweets([1]), 0))
    assert await stores.cache.fetch([HOME], []) == ([None], [])


async def test_only_one_of_two_builders_finishes(stores: LossyStores) -> None:
    assert await stores.cache.begin_list(HOME, "first")
    assert not await stores.cache.begin_list(HOME, "second")
    assert not await stores.cache.finish_list(HOME, "second", EntryList(tweets([1]), 0))
    assert await stores.cache.finish_list(HOME, "first", EntryList(tweets([2]), 0))
    assert not await stores.cache.finish_list(HOME, "first", EntryList(tweets([3]), 0))
    assert numbers_of(await stored(stores.cache)) == [2]


async def test_a_rebuild_that_was_given_up_ends_by_itself_even_if_somebody_reads(open_stores: OpenStores) -> None:
    stores = await open_stores(replace(SMALL, lease_ttl_s=1))
    assert await stores.cache.begin_list(HOME, "dead")
    await stores.cache.touch([HOME])

    async def may_begin() -> bool:
        return await stores.cache.begin_list(HOME, "next")

    await eventually(may_begin)


async def test_a_finished_list_outlives_the_lease_of_its_rebuild(open_stores: OpenStores) -> None:
    stores = await open_stores(replace(SMALL, lease_ttl_s=1))
    await build(stores.cache, HOME, 1)
    other = ListKey(ListKind.HOME, BOB)
    assert await stores.cache.begin_list(other, "dead")

    async def other_ended() -> bool:
        return (await stores.cache.fetch([other], []))[0] == [None]

    await eventually(other_ended)
    assert numbers_of(await stored(stores.cache)) == [1]


async def test_a_list_is_built_no_longer_than_it_may_be(stores: LossyStores) -> None:
    await build(stores.cache, HOME, *range(1, MAX + 11))
    found = await stored(stores.cache)
    assert found.floor == BASE + 10
    assert numbers_of(found) == list(range(MAX + 10, 10, -1))


@pytest.mark.parametrize(
    ("kind", "entries_max", "slack"),
    [
        (ListKind.HOME, SMALL.timeline_entries_max, SMALL.timeline_slack),
        (ListKind.AUTHOR, SMALL.author_entries_max, SMALL.author_slack),
    ],
)
async def test_an_overfull_list_is_named_and_trimmed_to_its_newest(
    stores: LossyStores, kind: ListKind, entries_max: int, slack: int
) -> None:
    key, other = ListKey(kind, ALICE), ListKey(kind, BOB)
    await build(stores.cache, key)
    await build(stores.cache, other, 1)
    full = entries_max + slack
    assert (await push(stores.cache, ALICE, *range(1, full + 1), kind=kind)).overfull.tolist() == []
    assert (await push(stores.cache, ALICE, full + 1, kind=kind)).overfull.tolist() == [ALICE]
    assert await stores.cache.trim([key, other]) == 1
    found = await stored(stores.cache, key)
    assert found.floor == BASE + full + 1 - entries_max
    assert numbers_of(found) == list(range(full + 1, full + 1 - entries_max, -1))
    assert await stores.cache.trim([key]) == 0
    assert (await stored(stores.cache, key)).entries.tolist() == found.entries.tolist()


async def test_a_trim_drops_duplicates_and_puts_late_entries_in_their_place(stores: LossyStores) -> None:
    await build(stores.cache, HOME, floor=BASE + 1)
    await push(stores.cache, ALICE, *range(100, 100 + MAX - 3))
    await push(stores.cache, ALICE, *range(100, 100 + MAX - 3))  # a repeated batch
    await push(stores.cache, ALICE, 50, 1, 0)  # late, and what the floor has passed
    assert await stores.cache.trim([HOME]) == 1
    found = await stored(stores.cache)
    assert len(found.entries) == MAX - 2
    assert found.floor == BASE + 1
    assert numbers_of(found) == [*range(100 + MAX - 4, 99, -1), 50]


async def test_a_trim_never_lowers_the_floor(stores: LossyStores) -> None:
    await build(stores.cache, HOME, floor=BASE + 500)
    await push(stores.cache, ALICE, *range(400, 400 + MAX + 1))
    await stores.cache.trim([HOME])
    assert (await stored(stores.cache)).floor == BASE + 500


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_pushed_a_list_holds_everything_above_its_floor(stores: LossyStores, seed: int) -> None:
    chance = random.Random(seed)
    await build(stores.cache, HOME)
    pushed: set[int] = set()
    floor = 0
    for step in range(40):
        batch = [max(1, step * 5 + chance.randint(-40, 5)) for _ in range(chance.randint(1, 12))]
        pushed.update(batch)
        overfull = (await push(stores.cache, ALICE, *batch)).overfull
        if len(overfull):
            assert await stores.cache.trim([HOME]) == 1
        found = await stored(stores.cache)
        assert found.floor is not None
        assert found.floor >= floor
        floor = found.floor
        assert numbers_of(found) == sorted((n for n in pushed if BASE + n > floor), reverse=True)
        assert len(found.entries) <= MAX + SMALL.timeline_slack
    assert floor > 0


async def test_an_overfull_list_that_is_being_built_is_dropped(stores: LossyStores) -> None:
    assert await stores.cache.begin_list(HOME, "slow")
    assert (await push(stores.cache, ALICE, *range(1, 100))).overfull.tolist() == [ALICE]
    assert await stores.cache.trim([HOME]) == 1
    assert not await stores.cache.finish_list(HOME, "slow", EntryList(NO_ENTRIES, 0))


async def test_lists_and_values_come_in_one_answer_in_the_order_asked(stores: LossyStores) -> None:
    await build(stores.cache, HOME, 1)
    await stores.cache.put({"a": b"1", "empty": b""}, ttl_s=60)
    lists, values = await stores.cache.fetch([ListKey(ListKind.AUTHOR, ALICE), HOME], ["empty", "absent", "a"])
    assert lists[0] is None
    assert lists[1] is not None
    assert values == [b"", None, b"1"]


async def test_nothing_asked_is_nothing_done(stores: LossyStores) -> None:
    assert await stores.cache.fetch([], []) == ([], [])
    pushed = await push(stores.cache, ALICE)
    assert (pushed.delivered, pushed.absent, len(pushed.overfull)) == (0, 0, 0)
    assert await stores.cache.trim([]) == 0
    assert await stores.cache.lease([], "me") == []
    await stores.cache.unlink([])
    await stores.cache.touch([])
    await stores.cache.fill({}, "me", ttl_s=1)
    await stores.cache.put({}, ttl_s=1)
    await stores.cache.drop([])


async def known_again(cache: CacheStore, known: EntryList, key: ListKey = HOME) -> EntryList | None:
    """A list as a reader gets it who knew it, by itself and with changes; both times what any reader gets."""
    ((found,), _) = await cache.fetch([key], [], {key: known})
    ((also,), _, _) = await cache.fetch_with_changes([key], [], BEGINNING, {key: known})
    ((whole,), _) = await cache.fetch([key], [])
    for each in (found, also):
        assert (each is None) is (whole is None)
        if each is not None and whole is not None:
            assert (each.floor, each.build) == (whole.floor, whole.build)
            assert each.entries.tolist() == whole.entries.tolist()
    return found


async def test_of_a_known_list_only_what_is_new_is_read(stores: LossyStores) -> None:
    await build(stores.cache, HOME, 1, 2)
    known = await stored(stores.cache)
    assert known.build
    assert await known_again(stores.cache, known) is known
    await push(stores.cache, ALICE, 3)
    await push(stores.cache, ALICE, 4, 4, 2)
    grown = await known_again(stores.cache, known)
    assert grown is not None
    assert grown.build == known.build
    assert numbers_of(grown) == [4, 3, 2, 1]
    assert await known_again(stores.cache, grown) is grown
    await stores.cache.touch([HOME])
    assert await known_again(stores.cache, grown) is grown


async def test_a_known_list_that_was_trimmed_or_built_since_is_read_whole(stores: LossyStores) -> None:
    await build(stores.cache, HOME)
    builds = set[bytes]()
    for batch in range(1, 6):
        known = await stored(stores.cache)
        builds.add(known.build)
        # In the order of time it is cut at its end; late ones make that it is sorted.
        numbers = range(batch * 1_000, batch * 1_000 + MAX + SMALL.timeline_slack + 1)
        await push(stores.cache, ALICE, *(numbers if batch % 2 else reversed(numbers)))
        assert await stores.cache.trim([HOME]) == 1
        assert await known_again(stores.cache, known) is not known
        await stores.cache.unlink([HOME])
        assert await known_again(stores.cache, known) is None
        assert await stores.cache.begin_list(HOME, "me")
        building = await known_again(stores.cache, known)
        assert building is not None
        assert (building.floor, building.build) == (None, b"")
        assert await stores.cache.finish_list(HOME, "me", EntryList(known.entries, known.floor))
        rebuilt = await known_again(stores.cache, known)
        assert rebuilt is not None
        assert rebuilt.build not in builds
        await push(stores.cache, ALICE, batch)
        assert await known_again(stores.cache, known) is not known


async def test_known_lists_come_beside_others_and_values_in_the_order_asked(stores: LossyStores) -> None:
    author, absent = ListKey(ListKind.AUTHOR, ALICE), ListKey(ListKind.AUTHOR, BOB)
    await build(stores.cache, HOME, 1)
    await build(stores.cache, author, 2)
    await stores.cache.put({"a": b"1"}, ttl_s=60)
    lists, _ = await stores.cache.fetch([HOME, author], [])
    known = {key: each for key, each in zip((HOME, author), lists, strict=True) if each is not None}
    await stores.cache.unlink([author])
    await build(stores.cache, author, 3)
    found, values = await stores.cache.fetch([absent, HOME, author], ["a", "b"], {**known, absent: known[author]})
    assert (found[0], found[1]) == (None, known[HOME])
    assert found[2] is not None
    assert numbers_of(found[2]) == [3]
    assert values == [b"1", None]


async def test_whoever_knows_a_list_misses_nothing_while_it_is_pushed_to_and_trimmed(stores: LossyStores) -> None:
    await build(stores.cache, HOME)
    known = {HOME: await stored(stores.cache)}
    pushed, times = set[int](), 400

    async def push_all() -> None:
        for number in range(1, times):
            if len((await push(stores.cache, ALICE, number, max(1, number - 5))).overfull):
                await stores.cache.trim([HOME])
            pushed.add(number)

    pushing = asyncio.create_task(push_all())
    while not pushing.done():
        before = set(pushed)
        ((found,), _) = await stores.cache.fetch([HOME], [], known)
        assert found is not None
        assert found.floor is not None
        assert {number for number in before if BASE + number > found.floor} <= set(numbers_of(found))
        known = {HOME: found}
        await asyncio.sleep(0)
    await pushing
    assert known[HOME].floor
