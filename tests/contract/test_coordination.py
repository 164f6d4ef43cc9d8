"""Leases, owners, checkpoints and pulled authors: what processes must agree on."""

import asyncio
from collections.abc import Callable

import pytest

from domain.errors import Overloaded
from domain.ids import UserId
from storage.cassandra.coordination import CassandraCoordinationStore
from storage.cassandra.stores import CassandraStores
from storage.ports import Ports
from storage.ports.coordination import CoordinationStore, RangeOwner
from tests.contract.people import new_era_ms, new_id
from tests.memory.coordination import MemoryCoordinationStore

WithWorkers = Callable[[int], CoordinationStore]


@pytest.fixture
def with_workers(request: pytest.FixtureRequest, ports: Ports) -> WithWorkers:
    """Makes the same store with fewer worker numbers, so that they run out."""
    if isinstance(ports.coordination, MemoryCoordinationStore):
        return lambda workers: MemoryCoordinationStore(workers=workers)
    cassandra: CassandraStores = request.getfixturevalue("cassandra")
    return lambda workers: CassandraCoordinationStore(cassandra.session, workers=workers)


async def test_two_processes_never_hold_one_worker_number(with_workers: WithWorkers) -> None:
    store, now_ms = with_workers(2), new_era_ms()
    leases = await asyncio.gather(*[store.lease_worker(holder, now_ms, 1_000) for holder in ("a", "b")])
    assert {lease.worker for lease in leases} == {0, 1}
    with pytest.raises(Overloaded):
        await store.lease_worker("c", now_ms + 999, 1_000)


async def test_the_next_holder_begins_where_the_last_one_ended(with_workers: WithWorkers) -> None:
    store, now_ms = with_workers(1), new_era_ms()
    first = await store.lease_worker("a", now_ms, 1_000)
    renewed = await store.renew_worker("a", first, now_ms + 900, 1_000)
    assert renewed is not None
    assert renewed.until_ms == now_ms + 1_900
    second = await store.lease_worker("b", now_ms + 5_000, 1_000)
    assert second.after_ms == renewed.until_ms
    assert await store.renew_worker("a", renewed, now_ms + 5_100, 1_000) is None


async def test_a_clock_that_went_back_shortens_no_lease(with_workers: WithWorkers) -> None:
    store, now_ms = with_workers(1), new_era_ms()
    lease = await store.lease_worker("a", now_ms, 10_000)
    assert await store.renew_worker("a", lease, now_ms - 60_000, 10_000) == lease


async def test_a_renewal_whose_answer_was_lost_can_be_repeated(with_workers: WithWorkers) -> None:
    store, now_ms = with_workers(1), new_era_ms()
    lease = await store.lease_worker("a", now_ms, 1_000)
    lost = await store.renew_worker("a", lease, now_ms + 800, 1_000)
    assert await store.renew_worker("a", lease, now_ms + 700, 1_000) == lost


async def test_a_range_changes_hands_once_for_each_epoch(ports: Ports) -> None:
    store, range_ = ports.coordination, new_id() % 1_000_000_007
    took = await asyncio.gather(*[store.set_range_owner(range_, None, owner) for owner in ("a", "b")])
    assert sorted(took) == [False, True]
    owner = (await store.range_owners())[range_]
    assert owner == RangeOwner("a" if took[0] else "b", 1)
    moved = await asyncio.gather(*[store.set_range_owner(range_, owner, to) for to in ("c", "d")])
    assert sorted(moved) == [False, True]
    assert (await store.range_owners())[range_].epoch == 2
    assert not await store.set_range_owner(range_, owner, "too late")


async def test_checkpoints_and_pulled_authors_are_kept(ports: Ports) -> None:
    store, name, author = ports.coordination, f"checkpoint-{new_id()}", UserId(new_id())
    assert await store.checkpoint(name) is None
    await store.set_checkpoint(name, 5)
    await store.set_checkpoint(name, 7)
    assert await store.checkpoint(name) == 7
    await store.set_pulled(author, 123)
    assert (await store.pulled())[author] == 123
    await store.set_pulled(author, None)
    assert author not in await store.pulled()
