import pytest

from domain.errors import LeaseExpired
from serve.leased_ids import LEASE_MS, LeasedIds
from tests.unit.actors.engine import Engine


async def test_without_a_lease_there_are_no_ids() -> None:
    engine = Engine()
    with pytest.raises(LeaseExpired):
        LeasedIds(engine.truth.coordination, engine.clock).next()


async def test_a_renewed_lease_goes_on_and_one_that_was_not_ends() -> None:
    engine = Engine()
    ids = LeasedIds(engine.truth.coordination, engine.clock)
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
    one, other = LeasedIds(engine.truth.coordination, engine.clock), LeasedIds(engine.truth.coordination, engine.clock)
    await one.renew()
    await other.renew()
    made = [source.next() for _ in range(100) for source in (one, other)]
    assert len(set(made)) == len(made)
