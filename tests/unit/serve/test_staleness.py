"""A failure of Redis that one replica met is known to all, before anybody is answered because of it."""

import asyncio

import numpy as np
import pytest

from domain.errors import StoreUnavailable
from domain.ids import UserId
from domain.limits import SMALL
from serve.reading.staleness import StalenessGuard
from storage import keys
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL
from tests.unit.actors.engine import Engine

ALICE, BOB = UserId(1_001), UserId(1_002)


def missing(guard: StalenessGuard) -> list[int]:
    """The suspect tweets that Bob, who follows Alice, is to see."""
    entries: list[int] = guard.missing_entries(np.array([ALICE], np.uint64), BOB).entries[:, 0].tolist()
    return entries


async def settle(engine: Engine, seconds: int = 20) -> None:
    """Let all actors work for a while."""
    actors = engine.reconciler(), engine.shard(), engine.counters()
    for _ in range(seconds):
        engine.clock.advance(1_000)
        for actor in actors:
            await actor.step(0)


async def test_without_a_failure_one_checkpoint_is_read_now_and_then_and_no_event() -> None:
    engine, read = Engine(), list[str]()
    mark = engine.ports.coordination.checkpoint

    async def counted(name: str) -> int | None:
        read.append(name)
        return await mark(name)

    engine.ports.coordination.checkpoint = counted  # type: ignore[method-assign]
    guard = engine.guard()
    await engine.post(ALICE, append=False)
    for _ in range(10):
        await guard.refresh()
    assert read == [SUSPECT_UNTIL]
    assert not guard.active
    assert missing(guard) == []


async def test_what_the_store_shows_is_believed_when_all_others_know() -> None:
    engine = Engine()
    ours, theirs, idle = engine.guard(), engine.guard(), engine.guard()
    await theirs.refresh()
    tweet = await engine.post(ALICE, append=False)
    begun_ms = engine.clock.monotonic_ms()
    await ours.report_failure()
    assert engine.clock.monotonic_ms() - begun_ms >= SMALL.staleness_known_ms
    for guard in (theirs, idle, ours):
        await guard.refresh()
        assert guard.active
        assert missing(guard) == [tweet]


async def test_who_has_just_learned_of_a_failure_shows_nothing_before_all_others_know() -> None:
    engine = Engine()
    ours, theirs = engine.guard(), engine.guard()
    await engine.ports.coordination.set_checkpoint(SUSPECT_UNTIL, engine.clock.now_ms() + 5_000)
    tweet = await engine.post(ALICE, append=False)
    begun_ms = engine.clock.monotonic_ms()
    await ours.refresh()
    assert engine.clock.monotonic_ms() - begun_ms >= SMALL.staleness_known_ms
    assert missing(ours) == [tweet]
    begun_ms = engine.clock.monotonic_ms()
    await ours.refresh()
    assert engine.clock.monotonic_ms() - begun_ms <= SMALL.recent_events_every_ms, "it is waited for once"
    await theirs.refresh()
    assert missing(theirs) == [tweet]


async def test_a_value_that_may_be_older_than_an_event_is_stale_and_no_other() -> None:
    engine = Engine()
    guard = engine.guard()
    await engine.follow(BOB, ALICE, append=False)
    await guard.report_failure()
    await guard.refresh()
    assert guard.is_stale(keys.following(BOB))
    assert not guard.is_stale(keys.following(ALICE))


async def test_the_guard_rests_when_all_that_was_suspect_is_in_every_list() -> None:
    engine = Engine()
    guard = engine.guard()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    await settle(engine)
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE, append=False)
    await guard.report_failure()
    engine.clock.advance(SMALL.staleness_last_ms)
    await guard.refresh()
    assert missing(guard) == [tweet], "time alone does not end it"
    await settle(engine)
    await guard.refresh()
    assert not guard.active
    assert missing(guard) == []
    assert await engine.timeline(BOB) == [tweet]


async def test_while_it_fails_again_and_again_others_are_told_in_time_and_not_each_time() -> None:
    engine, told = Engine(), list[int]()
    set_checkpoint = engine.ports.coordination.set_checkpoint

    async def counted(name: str, value: int) -> None:
        told.append(value - engine.clock.now_ms())
        await set_checkpoint(name, value)

    engine.ports.coordination.set_checkpoint = counted  # type: ignore[method-assign]
    guard = engine.guard()
    await guard.report_failure()
    for _ in range(60):
        engine.clock.advance(100)
        begun_ms = engine.clock.monotonic_ms()
        await guard.report_failure()
        assert engine.clock.monotonic_ms() == begun_ms, "only the first waits"
        for _ in range(20):
            await asyncio.sleep(0)
    assert 2 <= len(told) <= 5
    assert set(told) == {SMALL.staleness_last_ms}


async def test_without_cassandra_nothing_is_answered_because_of_a_failure() -> None:
    engine = Engine()

    async def away(name: str, value: int) -> None:
        raise StoreUnavailable("cassandra")

    engine.ports.coordination.set_checkpoint = away  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await engine.guard().report_failure()


async def test_events_settled_before_are_not_suspect() -> None:
    engine = Engine()
    await engine.post(ALICE)
    await engine.ports.coordination.set_checkpoint(APPLIED, engine.clock.now_ms() + 1)
    tweet = await engine.post(ALICE)
    guard = engine.guard()
    await guard.report_failure()
    await guard.refresh()
    assert missing(guard) == [tweet]
