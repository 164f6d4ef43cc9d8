"""What the engine sees of a Cassandra that is slow, dead, or asked for nonsense."""

import asyncio
import pickle
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from cassandra import InvalidRequest

from domain.errors import Overloaded, StoreUnavailable
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import read, write
from telemetry import metrics
from tests.contract.people import new_id
from tests.support.waiting import eventually
from tests.support.wire import Wire, wire_to

PROMISED_S = 3.0
CHECKPOINT = read("SELECT value FROM checkpoints WHERE name = ?")
SET_CHECKPOINT = write("INSERT INTO checkpoints (name, value) VALUES (?, ?)")


@pytest.fixture
async def proxy(cassandra_options: CassandraOptions) -> AsyncIterator[Wire]:
    async with wire_to(cassandra_options.contact_points[0]) as found:
        yield found


@pytest.fixture
async def session(cassandra_options: CassandraOptions, proxy: Wire) -> AsyncIterator[CassandraSession]:
    """A session whose connections run through the proxy."""
    found = await CassandraSession.connect(replace(cassandra_options, contact_points=(proxy.endpoint,)))
    await found.execute(CHECKPOINT, ("warm",))
    yield found
    await found.close()


async def refused(session: CassandraSession) -> StoreUnavailable:
    """How a query fails, in the promised time."""
    started_s = time.monotonic()
    with pytest.raises(StoreUnavailable) as caught:
        await session.execute(CHECKPOINT, ("any",))
    assert time.monotonic() - started_s < PROMISED_S
    return caught.value


def breaker_refusals(backend: metrics.LocalBackend) -> float:
    return backend.total(metrics.STORE_ERRORS, store="cassandra", cause="breaker_open")


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> metrics.LocalBackend:
    fresh = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", fresh)
    return fresh


async def test_a_frozen_store_is_refused_in_time_then_at_once_and_found_again(
    session: CassandraSession, proxy: Wire, backend: metrics.LocalBackend
) -> None:
    proxy.freeze()
    await asyncio.gather(*[refused(session) for _ in range(20)])
    assert backend.total(metrics.STORE_ERRORS, store="cassandra", cause="timeout") >= 5
    before = breaker_refusals(backend)
    await asyncio.gather(*[refused(session) for _ in range(50)])
    assert breaker_refusals(backend) >= before + 49  # all, or all but the one that tries whether it is back
    proxy.thaw()

    async def it_answers() -> bool:
        try:
            await session.execute(CHECKPOINT, ("any",))
        except StoreUnavailable:
            return False
        return True

    await eventually(it_answers, within_s=15)


async def test_a_lost_connection_is_an_outage_until_it_is_made_again(session: CassandraSession, proxy: Wire) -> None:
    name = f"checkpoint-{new_id()}"
    proxy.cut()

    async def it_is_written() -> bool:
        try:
            await session.execute(SET_CHECKPOINT, (name, 1))
        except StoreUnavailable:
            return False
        return True

    await eventually(it_is_written, within_s=15)
    assert await session.execute(CHECKPOINT, (name,)) == [(1,)]


async def test_connecting_to_nobody_and_to_a_silent_port_ends_in_time(cassandra_options: CassandraOptions) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for contact in (f"127.0.0.1:{port}", "127.0.0.1:1"):
            started_s = time.monotonic()
            with pytest.raises(StoreUnavailable) as caught:
                await CassandraSession.connect(replace(cassandra_options, contact_points=(contact,)))
            assert time.monotonic() - started_s < PROMISED_S
            assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


async def test_too_many_requests_at_once_are_refused_before_they_are_sent(cassandra_options: CassandraOptions) -> None:
    session = await CassandraSession.connect(cassandra_options, in_flight_max=4)
    try:
        await session.execute(CHECKPOINT, ("warm",))
        outcomes = await asyncio.gather(
            *[session.execute(CHECKPOINT, ("any",)) for _ in range(10)], return_exceptions=True
        )
        assert [type(each) for each in outcomes if each != []] == [Overloaded] * 6
        assert await session.execute(CHECKPOINT, ("any",)) == []
    finally:
        await session.close()


async def test_a_mistake_of_ours_stays_a_mistake(session: CassandraSession) -> None:
    nonsense = read("SELECT nothing FROM checkpoints")
    for _ in range(10):  # and does not open the breaker
        with pytest.raises(InvalidRequest):
            await session.execute(nonsense)
    assert await session.execute(CHECKPOINT, ("any",)) == []


async def test_a_long_answer_comes_whole_and_in_pages(session: CassandraSession) -> None:
    feed = f"feed-{new_id()}"
    put = write("INSERT INTO feed_slots (feed, slot) VALUES (?, ?)")
    slots = read("SELECT slot FROM feed_slots WHERE feed = ?", fetch_rows=10)
    await session.execute_many(put, [(feed, slot) for slot in range(35)])
    assert [slot for (slot,) in await session.execute(slots, (feed,))] == list(range(34, -1, -1))
    assert [len(page) async for page in session.pages(slots, (feed,))] == [10, 10, 10, 5]
    both = await session.execute_many(slots, [(feed,), ("absent",)])
    assert [len(rows) for rows in both] == [35, 0]


async def test_a_session_knows_which_nodes_hold_a_key_of_its_keyspace_and_no_other_schema(
    cassandra_options: CassandraOptions,
) -> None:
    session = await CassandraSession.connect(cassandra_options)
    known = session._cluster.metadata
    assert list(known.keyspaces) == [cassandra_options.keyspace]
    assert len(known.get_replicas(cassandra_options.keyspace, b"any key")) == 1
    await session.close()
