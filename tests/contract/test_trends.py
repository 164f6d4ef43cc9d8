"""The top of every place: published at once, never by an older writer over a newer one."""

import asyncio
from dataclasses import replace

import pytest

from domain.limits import SMALL
from domain.trends.tag_counts import GLOBAL
from storage import keys
from storage.ports.trends import TrendStore
from storage.redis import RedisStores
from tests.contract.conftest import LossyStores, OpenStores
from tests.support.waiting import eventually


@pytest.fixture
def trends(stores: LossyStores) -> TrendStore:
    return stores.trends


async def test_nothing_is_known_of_a_window_before_it_is_published(trends: TrendStore) -> None:
    assert await trends.top("60m", GLOBAL) is None
    await trends.publish("60m", 1_000, {GLOBAL: b"all"})
    assert await trends.top("5m", GLOBAL) is None
    assert await trends.top("60m", GLOBAL) == (1_000, b"all")


async def test_a_place_without_a_top_has_none_as_of_the_same_time(trends: TrendStore) -> None:
    await trends.publish("60m", 1_000, {})
    assert await trends.top("60m", GLOBAL) == (1_000, None)
    assert await trends.top("60m", "fr/paris") == (1_000, None)


async def test_places_that_are_not_named_stay_and_those_that_are_gone_go(trends: TrendStore) -> None:
    await trends.publish("60m", 1_000, {GLOBAL: b"all", "fr": b"france", "fr/paris": b"paris", "as_of": b"a place"})
    await trends.publish("60m", 2_000, {"fr": b"\x00\xff"}, gone=("fr/paris", "nowhere"))
    found = [await trends.top("60m", place) for place in (GLOBAL, "fr", "fr/paris", "as_of")]
    assert found == [(2_000, b"all"), (2_000, b"\x00\xff"), (2_000, None), (2_000, b"a place")]


async def test_an_older_state_changes_nothing_and_the_same_may_come_twice(trends: TrendStore) -> None:
    await trends.publish("60m", 1_800_000_000_001, {GLOBAL: b"new", "fr": b"france"})
    await trends.publish("60m", 1_800_000_000_000, {GLOBAL: b"old", "de": b"germany"}, gone=("fr",))
    assert await trends.top("60m", GLOBAL) == (1_800_000_000_001, b"new")
    assert await trends.top("60m", "fr") == (1_800_000_000_001, b"france")
    assert await trends.top("60m", "de") == (1_800_000_000_001, None)
    await trends.publish("60m", 1_800_000_000_001, {GLOBAL: b"new", "fr": b"france"})
    assert await trends.top("60m", "fr") == (1_800_000_000_001, b"france")


async def test_of_writers_that_race_the_latest_state_stays(trends: TrendStore) -> None:
    states = [7, 3, 9, 1, 8, 2, 6, 4, 5]
    await asyncio.gather(*(trends.publish("5m", state, {GLOBAL: b"%d" % state}) for state in states))
    assert await trends.top("5m", GLOBAL) == (9, b"9")


@pytest.mark.parametrize("places", [499, 500, 501, 4_321])
async def test_any_number_of_places_comes_and_goes_at_once(trends: TrendStore, places: int) -> None:
    names = [f"place-{n}" for n in range(places)]
    await trends.publish("24h", 1, {name: name.encode() for name in names})
    assert [await trends.top("24h", name) for name in (names[0], names[-1])] == [
        (1, names[0].encode()),
        (1, names[-1].encode()),
    ]
    await trends.publish("24h", 2, {names[0]: b"again"}, gone=names[1:])
    assert await trends.top("24h", names[0]) == (2, b"again")
    assert {await trends.top("24h", name) for name in names[1:]} == {(2, None)}


async def test_what_is_lost_is_not_made_up_of_changes(trends: TrendStore) -> None:
    assert not await trends.publish("60m", 1, {"fr": b"france"}, gone=())
    assert await trends.top("60m", "fr") is None
    assert await trends.publish("60m", 1, {GLOBAL: b"all", "fr": b"france"})
    assert await trends.publish("60m", 2, {"fr": b"new"}, gone=())
    assert not await trends.publish("60m", 1, {"fr": b"old"}, gone=())
    assert [await trends.top("60m", place) for place in (GLOBAL, "fr")] == [(2, b"all"), (2, b"new")]


async def test_a_window_that_nobody_publishes_any_more_ends(open_stores: OpenStores) -> None:
    short = (await open_stores(replace(SMALL, cache_ttl_s=1))).trends
    await short.publish("60m", 1, {GLOBAL: b"all"})
    await short.publish("60m", 2, {})

    async def ended() -> bool:
        return await short.top("60m", GLOBAL) is None

    await eventually(ended)


async def test_a_window_lives_as_long_as_other_cached_values(redis_stores: RedisStores) -> None:
    await redis_stores.trends.publish("60m", 1, {GLOBAL: b"all"})
    (ttl_s,) = await redis_stores.client.run([("TTL", keys.trends("60m"))])
    assert SMALL.cache_ttl_s - 10 < ttl_s <= SMALL.cache_ttl_s


async def test_a_window_that_is_published_whole_keeps_no_other_place(trends: TrendStore) -> None:
    await trends.publish("60m", 1, {GLOBAL: b"all", "fr": b"france"})
    await trends.publish("60m", 2, {GLOBAL: b"new"}, gone=None)
    assert (await trends.top("60m", GLOBAL), await trends.top("60m", "fr")) == ((2, b"new"), (2, None))
