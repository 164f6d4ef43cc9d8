import asyncio

import pytest
from typing_extensions import override

from domain.errors import LeaseExpired, Overloaded, StoreUnavailable
from storage.leased_ids import LEASE_MS, LeasedIds
from storage.ports.coordination import WorkerLease
from tests.memory.coordination import MemoryCoordinationStore
from tests.unit.actors.engine import Engine


async def test_without_a_lease_there_are_no_ids() -> None:
    engine = Engine()
    with pytest.raises(LeaseExpired):
        LeasedIds(engine.ports.coordination, engine.clock).next()


async def test_a_renewed_lease_goes_on_and_one_that_was_not_ends() -> None:
    engine = Engine()
    ids = LeasedIds(engine.ports.coordination, engine.clock)
    await ids.renew()
    made = [ids.next()]
    for _ in range(4):
        engine.clock.advance(LEASE_MS // 2)
        await ids.renew()
        made.append(ids.next())
    assert made == sorted(set(made))
    engine.clock.advance(LEASE_MS)
    with pytest.raises(LeaseExpired):
        ids.next()
    await ids.renew()
    assert ids.next() > made[-1]


async def test_two_replicas_never_make_the_same_id() -> None:
    engine = Engine()
    one, other = LeasedIds(engine.ports.coordination, engine.clock), LeasedIds(engine.ports.coordination, engine.clock)
    await one.renew()
    await other.renew()
    made = [source.next() for _ in range(100) for source in (one, other)]
    assert len(set(made)) == len(made)


class Failing(MemoryCoordinationStore):
    """Renews no lease, and says why."""

    errors: list[Exception]

    @override
    async def renew_worker(self, holder: str, lease: WorkerLease, now_ms: int, ttl_ms: int) -> WorkerLease | None:
        raise self.errors.pop(0)


async def test_a_lease_is_kept_through_failures_of_the_store_and_a_mistake_is_told_to_who_checks() -> None:
    engine = Engine()
    coordination = Failing()
    coordination.errors = [StoreUnavailable("cassandra"), Overloaded("cassandra", 100), ZeroDivisionError("ours")]
    turns = asyncio.Semaphore(0)

    async def turn(_seconds: float) -> None:
        await turns.acquire()

    async def settled() -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    ids = LeasedIds(coordination, engine.clock, turn)
    await ids.begin()
    for _ in range(2):
        turns.release()
        await settled()
        ids.check()
    turns.release()
    await settled()
    with pytest.raises(ZeroDivisionError):
        ids.check()
    ids.end()
