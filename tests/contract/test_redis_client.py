"""What happens when Redis stops, dies, comes back with old data, or is full."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import numpy as np
import pytest

from domain.errors import Overloaded, StoreUnavailable
from domain.ids import UserId
from domain.limits import SMALL
from domain.timeline import NO_ENTRIES, EntryList, entries_of
from storage.ports.cache import ListKey, ListKind, Pushed
from storage.ports.log import BEGINNING
from storage.redis import RedisStores
from storage.redis.driver.client import CALL_S, FAILURES_MAX, RedisClient
from telemetry import metrics
from tests.contract.people import PARTITIONS
from tests.contract.private_redis import PrivateRedis
from tests.support.waiting import eventually

ALICE = UserId(1)
HOME = ListKey(ListKind.HOME, ALICE)
Call = Callable[[RedisStores], Awaitable[object]]

CALLS: dict[str, Call] = {
    "fetch": lambda stores: stores.cache.fetch([HOME], ["a"]),
    "put": lambda stores: stores.cache.put({"a": b"1"}, ttl_s=60),
    "push": lambda stores: push_one(stores),
    "note": lambda stores: stores.cache.note("own", [b"act"]),
    "now_us": lambda stores: stores.cache.now_us(),
    "read": lambda stores: stores.log.read({0: BEGINNING}, limit=1, wait_ms=0),
    "claim": lambda stores: stores.offsets.claim("range-00", 1),
    "incarnation": lambda stores: stores.log.incarnation(),
}


async def push_one(stores: RedisStores) -> int:
    pushed = await stores.cache.push(ListKind.HOME, np.array([ALICE], dtype=np.uint64), entries_of([(1, 1)]))
    return pushed.delivered


async def push_to(stores: RedisStores, people: int) -> Pushed:
    """To Alice, and to others who have no timeline."""
    entries = entries_of([(5, 5)] * people)
    return await stores.cache.push(ListKind.HOME, np.arange(ALICE, ALICE + people, dtype=np.uint64), entries)


async def make_home(stores: RedisStores) -> None:
    assert await stores.cache.begin_list(HOME, "me")
    assert await stores.cache.finish_list(HOME, "me", EntryList(NO_ENTRIES, 0))


@pytest.fixture
async def stores(private_redis: PrivateRedis) -> AsyncIterator[RedisStores]:
    """Stores on a server of the test's own, which runs."""
    await private_redis.start()
    opened = RedisStores(private_redis.url, PARTITIONS, SMALL)
    yield opened
    await opened.close()


@pytest.fixture
def counted() -> Iterator[metrics.LocalBackend]:
    """What is counted during a test."""
    backend = metrics.LocalBackend()
    metrics.install(backend)
    yield backend
    metrics.install(metrics.LocalBackend())


async def test_pushes_that_overlap_each_get_their_own_replies(stores: RedisStores) -> None:
    await make_home(stores)
    sizes = (1, 3_000, 2, 5_000, 1)
    pushed = await asyncio.gather(*(push_to(stores, size) for size in sizes))
    assert [(found.delivered, found.absent) for found in pushed] == [(1, size - 1) for size in sizes]


async def test_a_push_that_nobody_waits_for_any_more_spoils_none_that_comes_after(stores: RedisStores) -> None:
    await make_home(stores)
    for turns in range(8):
        given_up = asyncio.create_task(push_to(stores, 5_000))
        for _ in range(turns):
            await asyncio.sleep(0)
        beside = asyncio.create_task(push_to(stores, 3))
        given_up.cancel()
        found = await asyncio.gather(beside, push_to(stores, 7), return_exceptions=True)
        for pushed, absent in zip(found, (2, 6), strict=True):  # their connection may have been closed
            assert isinstance(pushed, StoreUnavailable) or (isinstance(pushed, Pushed) and pushed.absent == absent)
        assert (await push_to(stores, 4)).absent == 3


async def test_a_push_to_a_server_that_is_slow_but_at_work_gets_through(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    await make_home(stores)

    async def stutter() -> None:
        while True:
            private_redis.pause()
            await asyncio.sleep(CALL_S / 2)
            private_redis.resume()
            await asyncio.sleep(0.05)

    stuttering, started_s = asyncio.create_task(stutter()), time.monotonic()
    try:
        pushed = await asyncio.gather(push_to(stores, 200_000), push_to(stores, 200_000))
    finally:
        stuttering.cancel()
        private_redis.resume()
    assert time.monotonic() - started_s > CALL_S, "else nothing was tried"
    assert [found.delivered for found in pushed] == [1, 1]


async def test_every_call_to_a_server_that_hangs_is_unavailable_within_3_s(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    for call in CALLS.values():
        await call(stores)
    private_redis.pause()
    started_s = time.monotonic()
    outcomes = await asyncio.gather(*(call(stores) for call in CALLS.values()), return_exceptions=True)
    assert time.monotonic() - started_s < 3
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * len(CALLS)


async def test_a_new_connection_to_a_server_that_hangs_ends_within_3_s(private_redis: PrivateRedis) -> None:
    await private_redis.start()
    private_redis.pause()
    client = RedisClient(private_redis.url)
    started_s = time.monotonic()
    with pytest.raises(StoreUnavailable):
        await client.run([("PING",)])
    assert time.monotonic() - started_s < 3
    await client.close()


async def test_after_some_failures_the_breaker_refuses_at_once_and_closes_when_the_server_is_back(
    stores: RedisStores, private_redis: PrivateRedis, counted: metrics.LocalBackend
) -> None:
    await make_home(stores)
    private_redis.pause()
    failed = await asyncio.gather(*(CALLS["fetch"](stores) for _ in range(8)), return_exceptions=True)
    assert {type(error) for error in failed} == {StoreUnavailable}
    started_s = time.monotonic()
    for call in CALLS.values():
        with pytest.raises(StoreUnavailable):
            await call(stores)
    assert time.monotonic() - started_s < 0.3
    assert counted.total(metrics.STORE_ERRORS, store="redis", cause="timeout") == 8
    assert counted.total(metrics.STORE_ERRORS, store="redis", cause="breaker_open") == len(CALLS)
    private_redis.resume()

    async def back() -> bool:
        try:
            return await push_one(stores) == 1
        except StoreUnavailable:
            return False

    await eventually(back)
    assert await push_one(stores) == 1


async def test_while_one_call_tries_the_others_are_refused_at_once(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    private_redis.pause()
    await asyncio.gather(*(CALLS["put"](stores) for _ in range(5)), return_exceptions=True)
    took_s: list[float] = []

    async def somebody_tries() -> bool:
        async def timed() -> float:
            started_s = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await CALLS["put"](stores)
            return time.monotonic() - started_s

        took_s[:] = sorted(await asyncio.gather(*(timed() for _ in range(5))))
        return took_s[-1] > 1

    await eventually(somebody_tries)
    assert took_s[-2] < 0.5


async def test_too_many_calls_at_once_are_refused(private_redis: PrivateRedis) -> None:
    await private_redis.start()
    client = RedisClient(private_redis.url, calls_max=2)
    await client.run([("PING",)])
    private_redis.pause()
    outcomes = await asyncio.gather(*(client.run([("PING",)]) for _ in range(4)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2 + [Overloaded] * 2
    private_redis.resume()
    await client.close()


async def test_calls_side_by_side_share_one_connection_and_each_gets_its_own_replies(
    stores: RedisStores,
) -> None:
    said = [[f"{call}.{n}".encode() for n in range(call % 7 + 1)] for call in range(200)]
    answers = await asyncio.gather(*(stores.client.run([("ECHO", word) for word in words]) for words in said))
    assert answers == said
    (connected,) = await stores.client.run([("CLIENT", "LIST")])
    assert len(connected.splitlines()) == 1


async def test_readers_that_wait_keep_nobody_else_waiting(private_redis: PrivateRedis) -> None:
    await private_redis.start()
    client = RedisClient(private_redis.url, calls_max=1, waiting_max=2)
    block = ("BLPOP", "news", 30)
    waiting = [asyncio.create_task(client.run([block], wait_ms=30_000)) for _ in range(2)]
    async with asyncio.timeout(5):
        await client.run([("PING",)])
        await client.run([("RPUSH", "news", "1", "2")])
        assert sorted(await asyncio.gather(*waiting)) == [[[b"news", b"1"]], [[b"news", b"2"]]]
    await client.close()


async def test_a_restart_is_survived_by_the_next_call_and_is_another_incarnation(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    await make_home(stores)
    before = await stores.log.incarnation()
    assert await push_one(stores) == 1
    private_redis.kill()
    with pytest.raises(StoreUnavailable):
        await push_one(stores)
    await private_redis.start()
    assert (await stores.cache.fetch([HOME], []))[0] == [None]
    await stores.cache.put({"a": b"1"}, ttl_s=60)
    assert await push_one(stores) == 0
    assert await stores.log.incarnation() != before


@pytest.mark.parametrize("first", CALLS)
async def test_a_server_that_comes_back_with_old_data_is_emptied_before_anything_is_read(
    stores: RedisStores, private_redis: PrivateRedis, first: str
) -> None:
    await make_home(stores)
    await stores.cache.put({"a": b"old"}, ttl_s=60)
    await stores.offsets.claim("range-00", 9)
    before = await stores.log.incarnation()
    await stores.client.run([("SAVE",)])
    await stores.close()
    private_redis.kill()
    await private_redis.start()
    again = RedisStores(private_redis.url, PARTITIONS, SMALL)
    await asyncio.gather(*(CALLS[first](again) for _ in range(10)))
    assert await push_one(again) == 0
    assert (await again.cache.fetch([HOME], []))[0] == [None]
    (size,) = await again.client.run([("EXISTS", "off:{range-00}")])
    assert size == (1 if first == "claim" else 0)
    assert await again.log.incarnation() != before
    await again.close()


async def test_many_who_connect_at_once_agree_on_one_incarnation(private_redis: PrivateRedis) -> None:
    await private_redis.start()
    client = RedisClient(private_redis.url)
    assert len(set(await asyncio.gather(*(client.incarnation() for _ in range(20))))) == 1
    await client.run([("FLUSHALL",)])
    assert len(set(await asyncio.gather(*(client.incarnation() for _ in range(20))))) == 1
    await client.close()


async def test_scripts_that_the_server_forgot_are_sent_again(stores: RedisStores) -> None:
    await make_home(stores)
    await stores.client.run([("SCRIPT", "FLUSH")])
    other = ListKey(ListKind.HOME, UserId(2))
    assert await stores.cache.begin_list(other, "me")
    await stores.client.run([("SCRIPT", "FLUSH")])
    await stores.cache.touch([HOME, other])


async def test_a_full_or_read_only_server_is_unavailable(stores: RedisStores) -> None:
    await make_home(stores)
    await stores.client.run([("CONFIG", "SET", "maxmemory", "1")])
    for call in ("put", "push", "claim"):
        with pytest.raises(StoreUnavailable):
            await CALLS[call](stores)
    await stores.client.run([("CONFIG", "SET", "maxmemory", "0"), ("REPLICAOF", "127.0.0.1", "1")])
    for call in ("put", "push", "claim"):
        with pytest.raises(StoreUnavailable):
            await CALLS[call](stores)


async def test_passwords_and_databases_of_the_url_hold_for_every_connection(private_redis: PrivateRedis) -> None:
    await private_redis.start("--requirepass", "secret")
    url = f"redis://:secret@127.0.0.1:{private_redis.port}/3"
    stores = RedisStores(url, PARTITIONS, SMALL)
    await make_home(stores)
    assert await push_one(stores) == 1
    await stores.close()
    refused = RedisStores(private_redis.url, PARTITIONS, SMALL)
    for call in CALLS.values():
        with pytest.raises(StoreUnavailable):
            await call(refused)
    await refused.close()


async def test_a_call_that_is_cancelled_leaves_no_reply_to_the_next(stores: RedisStores) -> None:
    for _ in range(20):
        task = asyncio.create_task(stores.cache.fetch([HOME], ["a"]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        push = asyncio.create_task(push_one(stores))
        await asyncio.sleep(0)
        push.cancel()
        await asyncio.gather(push, return_exceptions=True)

    assert await stores.client.run([("ECHO", "mine")]) == [b"mine"]
    assert await push_one(stores) == 0


async def test_callers_that_go_away_say_nothing_about_the_server(
    stores: RedisStores, private_redis: PrivateRedis
) -> None:
    private_redis.pause()
    for _ in range(2 * FAILURES_MAX):
        gone = asyncio.create_task(stores.cache.put({"a": b"1"}, ttl_s=60))
        for _ in range(20):
            await asyncio.sleep(0)  # so that it has sent its call
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
    private_redis.resume()
    await CALLS["put"](stores)
