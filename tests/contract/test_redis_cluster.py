"""What happens when nodes of a Redis Cluster die, are replaced, and hand slots to each other."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from redis.crc import key_slot

from cluster.embedded.ports import PortBlock
from domain.errors import StoreUnavailable
from domain.events import Event, TweetPosted, decode
from domain.ids import EventId, UserId, log_partition
from domain.limits import SMALL
from domain.timeline import NO_ENTRIES, EntryList, entries_of
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.ports.log import BEGINNING
from storage.redis import RedisStores
from storage.redis.driver.client import FAILURES_MAX
from storage.redis.driver.cluster import RedisCluster
from tests.contract.people import PARTITIONS, new_id
from tests.support.redis_cluster import RedisNodes
from tests.support.waiting import eventually

FROM_START = dict.fromkeys(range(PARTITIONS), BEGINNING)
USERS = [UserId(user) for user in range(1, 200)]


def slot(key: str) -> int:
    return int(key_slot(key.encode()))


def home_slot(user: UserId) -> int:
    return slot(keys.list_key(ListKey(ListKind.HOME, user), PARTITIONS))


def author_in(partition: int) -> UserId:
    return next(user for user in USERS if log_partition(user, PARTITIONS) == partition)


def posted(author: UserId) -> TweetPosted:
    return TweetPosted(event_id=EventId(new_id()), stamp_us=1, author=author, text="hello")


async def make_homes(stores: RedisStores, users: list[UserId]) -> None:
    for user in users:
        key = ListKey(ListKind.HOME, user)
        assert await stores.cache.begin_list(key, "me")
        assert await stores.cache.finish_list(key, "me", EntryList(NO_ENTRIES, 0))


async def push(stores: RedisStores, entry: int) -> int:
    """To everybody; how many got it."""
    users = np.array(USERS, dtype=np.uint64)
    return (await stores.cache.push(ListKind.HOME, users, entries_of([(entry, entry)] * len(users)))).delivered


async def in_log(stores: RedisStores) -> set[int]:
    read = await stores.log.read(FROM_START, limit=1_000, wait_ms=0)
    return {decode(record.body).event_id for record in read.records}


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.release()


@pytest.fixture
async def nodes(tmp_path: Path, ports: PortBlock) -> AsyncIterator[RedisNodes]:
    """Three masters of this test alone, each with a replica."""
    cluster = RedisNodes(tmp_path, ports, replicas=1)
    try:
        await cluster.start()
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
async def stores(nodes: RedisNodes) -> AsyncIterator[RedisStores]:
    opened = RedisStores(nodes.url, PARTITIONS, SMALL)
    yield opened
    await opened.close()


async def test_what_a_new_master_holds_is_dropped_and_the_other_nodes_keep_theirs(
    nodes: RedisNodes, stores: RedisStores
) -> None:
    await make_homes(stores, USERS)
    before = await stores.log.incarnation()
    dying = await nodes.holder_of(home_slot(USERS[0]))
    kept = [user for user in USERS if await nodes.holder_of(home_slot(user)) is not dying]
    assert 0 < len(kept) < len(USERS)
    replica = await nodes.replica_of(dying)
    dying.kill()
    assert await stores.cache.fetch([ListKey(ListKind.HOME, user) for user in kept], [])  # while one is away
    with pytest.raises(StoreUnavailable):
        await stores.cache.fetch([ListKey(ListKind.HOME, USERS[0])], [])
    await nodes.promoted(replica)

    async def back() -> bool:
        try:
            return await push(stores, 5) > 0
        except StoreUnavailable:
            return False

    await eventually(back, within_s=20)
    lists, _ = await stores.cache.fetch([ListKey(ListKind.HOME, user) for user in USERS], [])
    assert [user for user, found in zip(USERS, lists, strict=True) if found] == kept
    assert await stores.log.incarnation() != before


async def test_all_masters_hand_over_to_their_replicas_and_calls_go_on_without_what_these_held(
    nodes: RedisNodes, stores: RedisStores
) -> None:
    """The old masters answer still, and say where the keys are now."""
    await make_homes(stores, USERS)
    before = await stores.log.incarnation()
    old = await nodes.masters()
    await nodes.hand_over()

    async def back() -> bool:
        try:
            await stores.log.append([posted(author_in(partition)) for partition in range(PARTITIONS)])
            return await stores.log.incarnation() != before
        except StoreUnavailable:
            return False

    await eventually(back, within_s=20)
    assert await push(stores, 5) == 0
    assert len(await in_log(stores)) >= PARTITIONS
    names = [keys.log(partition) for partition in range(PARTITIONS)]
    assert isinstance(stores.client, RedisCluster)
    assert not {f"127.0.0.1:{node.port}" for node in old} & set(await stores.client.holders(names))


async def test_a_node_that_hangs_fails_its_own_calls_and_no_others(nodes: RedisNodes, stores: RedisStores) -> None:
    names = [f"k{n}" for n in range(60)]
    await stores.cache.put(dict.fromkeys(names, b"v"), ttl_s=60)
    hanging = await nodes.holder_of(slot(names[0]))
    others = [name for name in names if await nodes.holder_of(slot(name)) is not hanging]
    hanging.pause()

    async def fails() -> None:
        with pytest.raises(StoreUnavailable):
            await stores.cache.fetch([], names[:1])

    async with asyncio.timeout(3):
        failing = [asyncio.create_task(fails()) for _ in range(FAILURES_MAX)]
        for _ in range(20):
            assert (await stores.cache.fetch([], others))[1] == [b"v"] * len(others)
        await asyncio.gather(*failing)


async def test_every_call_finds_what_is_being_moved(nodes: RedisNodes, stores: RedisStores) -> None:
    user, author = USERS[0], author_in(0)
    await make_homes(stores, USERS)
    other = home_slot(user)
    await nodes.begin_to_move(other)
    same_slot = [each for each in USERS if home_slot(each) == other]
    absent = ListKey(ListKind.HOME, next(u for u in map(UserId, range(1_000, 9_000)) if home_slot(u) == other))
    assert await stores.cache.begin_list(absent, "me")  # at the target
    assert await stores.cache.finish_list(absent, "me", EntryList(NO_ENTRIES, 0))
    assert await push(stores, 7) == len(USERS)
    lists, _ = await stores.cache.fetch([ListKey(ListKind.HOME, each) for each in same_slot] + [absent], [])
    assert all(lists)
    await nodes.begin_to_move(slot(keys.log(0)))
    events: list[Event] = [posted(author) for _ in range(3)]
    await stores.log.append(events)
    assert await in_log(stores) == {event.event_id for event in events}


async def test_nothing_is_lost_while_slots_are_moved(nodes: RedisNodes, stores: RedisStores) -> None:
    await make_homes(stores, USERS)
    appended, entries, moved = set[int](), list[int](), asyncio.Event()

    async def write() -> None:
        while not moved.is_set():
            events: list[Event] = [posted(author_in(partition)) for partition in range(PARTITIONS)]
            await stores.log.append(events)
            appended.update(event.event_id for event in events)
            entries.append(new_id())
            assert await push(stores, entries[-1]) == len(USERS)
            await stores.cache.put({f"k{n}": b"v" for n in range(50)}, ttl_s=60)
            _, values = await stores.cache.fetch([], [f"k{n}" for n in range(50)])
            assert values == [b"v"] * 50

    writing = asyncio.create_task(write())
    slots = {slot(keys.log(partition)) for partition in range(PARTITIONS)} | {home_slot(user) for user in USERS[:30]}
    for number in sorted(slots):
        await nodes.move(number)
    moved.set()
    await writing
    assert appended <= await in_log(stores)
    lists, _ = await stores.cache.fetch([ListKey(ListKind.HOME, user) for user in USERS], [])
    held = [set(found.entries[:, 0].tolist()) for found in lists if found]
    assert len(held) == len(USERS)
    assert all(set(entries[-20:]) <= found for found in held)
