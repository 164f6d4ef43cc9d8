"""Values in the cache: leases, acts, and the feed of changes."""

from dataclasses import replace

from domain.limits import SMALL
from storage import keys
from storage.own_acts import NOTED_BYTES
from storage.ports.cache import Changes
from storage.ports.log import BEGINNING
from tests.contract.conftest import LossyStores, OpenStores
from tests.support.waiting import eventually


async def test_one_reader_of_an_absent_value_gets_the_lease_and_fills(stores: LossyStores) -> None:
    assert await stores.cache.lease(["a", "b"], "first") == [True, True]
    assert await stores.cache.lease(["a"], "second") == [False]
    assert (await stores.cache.fetch([], ["a"]))[1] == [None]
    await stores.cache.fill({"a": b"by another"}, "second", ttl_s=60)
    assert (await stores.cache.fetch([], ["a"]))[1] == [None]
    await stores.cache.fill({"a": b"1", "b": b"2"}, "first", ttl_s=60)
    assert (await stores.cache.fetch([], ["a", "b"]))[1] == [b"1", b"2"]
    assert await stores.cache.lease(["a"], "third") == [False]


async def test_a_drop_ends_the_lease_so_nothing_stale_is_filled(stores: LossyStores) -> None:
    await stores.cache.lease(["a"], "me")
    await stores.cache.drop(["a"])
    await stores.cache.fill({"a": b"stale"}, "me", ttl_s=60)
    assert (await stores.cache.fetch([], ["a"]))[1] == [None]
    assert await stores.cache.lease(["a"], "next") == [True]
    await stores.cache.fill({"a": b"stale"}, "me", ttl_s=60)
    assert (await stores.cache.fetch([], ["a"]))[1] == [None]


async def test_a_put_wins_over_a_lease(stores: LossyStores) -> None:
    await stores.cache.lease(["a"], "me")
    await stores.cache.put({"a": b"?me"}, ttl_s=60)
    await stores.cache.fill({"a": b"older"}, "me", ttl_s=60)
    assert (await stores.cache.fetch([], ["a"]))[1] == [b"?me"]


async def test_a_lease_and_a_value_end_by_themselves(open_stores: OpenStores) -> None:
    stores = await open_stores(replace(SMALL, lease_ttl_s=1))
    await stores.cache.lease(["a"], "dead")
    await stores.cache.put({"b": b"1"}, ttl_s=1)

    async def both_ended() -> bool:
        return await stores.cache.lease(["a"], "next") == [True] and (await stores.cache.fetch([], ["b"]))[1] == [None]

    async def value_ended() -> bool:
        return (await stores.cache.fetch([], ["b"]))[1] == [None]

    await eventually(value_ended)
    await eventually(both_ended)


async def test_an_update_needs_a_value_and_does_not_prolong_it(stores: LossyStores) -> None:
    await stores.cache.put({"short": b"old"}, ttl_s=1)
    await stores.cache.update({"short": b"new", "absent": b"new"})
    assert (await stores.cache.fetch([], ["short", "absent"]))[1] in ([b"new", None], [None, None])

    async def gone() -> bool:
        return (await stores.cache.fetch([], ["short"]))[1] == [None]

    await eventually(gone)


async def test_acts_are_noted_newest_first_each_once_and_as_many_as_are_kept(stores: LossyStores) -> None:
    acts = [bytes([number]) * (NOTED_BYTES - 8) for number in range(stores.limits.own_acts_max + 2)]
    before_us = await stores.cache.now_us()
    for act in acts:
        await stores.cache.note("own", [act])
        await stores.cache.note("own", [act])
    _, (noted,) = await stores.cache.fetch([], ["own"])
    assert noted is not None
    entries = [noted[at : at + NOTED_BYTES] for at in range(0, len(noted), NOTED_BYTES)]
    assert [entry[:-8] for entry in entries] == acts[: -stores.limits.own_acts_max - 1 : -1]
    stamps = [int.from_bytes(entry[-8:]) for entry in entries]
    assert stamps == sorted(stamps, reverse=True)
    assert before_us <= stamps[-1] <= stamps[0] <= await stores.cache.now_us()


async def test_several_acts_are_noted_at_once_and_end_at_their_time(open_stores: OpenStores) -> None:
    stores = await open_stores(replace(SMALL, cache_ttl_s=1))
    await stores.cache.note("own", [b"a" * (NOTED_BYTES - 8), b"b" * (NOTED_BYTES - 8)])
    await stores.cache.note("own", [])
    _, (noted,) = await stores.cache.fetch([], ["own"])
    assert noted is not None
    assert len(noted) == 2 * NOTED_BYTES

    async def has_ended() -> bool:
        return (await stores.cache.fetch([], ["own"]))[1] == [None]

    await eventually(has_ended)


async def test_users_that_are_dropped_are_announced_in_order(stores: LossyStores) -> None:
    *_, empty = await stores.cache.fetch_with_changes([], [keys.user(1)], BEGINNING)
    assert empty == Changes((), BEGINNING, unbroken=False)
    await stores.cache.put({keys.user(1): b"one", keys.tweet(1): b"tweet"}, ttl_s=60)
    await stores.cache.drop([keys.tweet(1), keys.user(1)])
    _, values, first = await stores.cache.fetch_with_changes([], [keys.user(1), keys.tweet(1)], BEGINNING)
    assert values == [None, None]
    assert not first.unbroken
    await stores.cache.drop([keys.tweet(2)])
    assert (await stores.cache.fetch_with_changes([], [keys.user(1)], first.last))[2] == Changes(
        (), first.last, unbroken=True
    )
    await stores.cache.drop([keys.user(2), keys.user(3)])
    await stores.cache.drop([keys.user(2)])
    *_, changes = await stores.cache.fetch_with_changes([], [keys.user(1)], first.last)
    assert changes.keys == (keys.user(2), keys.user(3), keys.user(2))
    assert changes.unbroken
    assert (await stores.cache.fetch_with_changes([], [keys.user(1)], changes.last))[2].keys == ()


async def test_a_feed_that_has_lost_what_a_reader_knew_says_so(stores: LossyStores) -> None:
    await stores.cache.drop([keys.user(1)])
    *_, known = await stores.cache.fetch_with_changes([], [keys.user(1)], BEGINNING)
    await stores.cache.drop([keys.user(number) for number in range(SMALL.changes_max)])
    *_, changes = await stores.cache.fetch_with_changes([], [keys.user(1)], known.last)
    assert not changes.unbroken
    assert changes.keys == ()
    *_, later = await stores.cache.fetch_with_changes([], [keys.user(1)], changes.last)
    assert later == Changes((), changes.last, unbroken=True)
