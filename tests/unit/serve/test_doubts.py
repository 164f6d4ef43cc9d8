"""What one replica learned of Redis all know, before anybody is answered because of it."""

import asyncio

import numpy as np
import pytest

from domain.errors import StoreUnavailable
from domain.ids import UserId
from domain.limits import SMALL
from serve.doubts import Doubts
from storage import keys
from storage.ports.coordination import APPLIED, DOUBTED
from tests.unit.actors.engine import Engine

ALICE, BOB = UserId(1_001), UserId(1_002)


def added(doubts: Doubts) -> list[int]:
    """The tweets in doubt that Bob, who follows Alice, is to see."""
    entries: list[int] = doubts.added(np.array([ALICE], np.uint64), BOB).entries[:, 0].tolist()
    return entries


async def settle(engine: Engine, seconds: int = 20) -> None:
    """Let all actors work for a while."""
    actors = engine.reconciler(), engine.shard(), engine.counters()
    for _ in range(seconds):
        engine.clock.advance(1_000)
        for actor in actors:
            await actor.step(0)


async def test_without_doubts_one_mark_is_read_now_and_then_and_no_event() -> None:
    engine, read = Engine(), list[str]()
    mark = engine.truth.coordination.checkpoint

    async def counted(name: str) -> int | None:
        read.append(name)
        return await mark(name)

    engine.truth.coordination.checkpoint = counted  # type: ignore[method-assign]
    doubts = engine.doubts()
    await engine.post(ALICE, append=False)
    for _ in range(10):
        await doubts.look()
    assert read == [DOUBTED]
    assert not doubts.hold
    assert added(doubts) == []


async def test_what_the_store_shows_is_believed_when_all_others_know() -> None:
    engine = Engine()
    ours, theirs, idle = engine.doubts(), engine.doubts(), engine.doubts()
    await theirs.look()
    tweet = await engine.post(ALICE, append=False)
    begun_ms = engine.clock.monotonic_ms()
    await ours.rise()
    assert engine.clock.monotonic_ms() - begun_ms >= SMALL.doubts_known_ms
    for doubts in (theirs, idle, ours):
        await doubts.look()
        assert doubts.hold
        assert added(doubts) == [tweet]


async def test_who_has_just_learned_of_doubts_shows_nothing_before_all_others_know() -> None:
    engine = Engine()
    ours, theirs = engine.doubts(), engine.doubts()
    await engine.truth.coordination.set_checkpoint(DOUBTED, engine.clock.now_ms() + 5_000)
    tweet = await engine.post(ALICE, append=False)
    begun_ms = engine.clock.monotonic_ms()
    await ours.look()
    assert engine.clock.monotonic_ms() - begun_ms >= SMALL.doubts_known_ms
    assert added(ours) == [tweet]
    begun_ms = engine.clock.monotonic_ms()
    await ours.look()
    assert engine.clock.monotonic_ms() - begun_ms <= SMALL.tail_every_ms, "it is waited for once"
    await theirs.look()
    assert added(theirs) == [tweet]


async def test_a_value_that_may_be_stale_is_doubted_and_no_other() -> None:
    engine = Engine()
    doubts = engine.doubts()
    await engine.follow(BOB, ALICE, append=False)
    await doubts.rise()
    await doubts.look()
    assert doubts.about(keys.following(BOB))
    assert not doubts.about(keys.following(ALICE))


async def test_doubts_end_when_all_that_was_in_doubt_is_in_every_list() -> None:
    engine = Engine()
    doubts = engine.doubts()
    await engine.own_all()
    await engine.follow(BOB, ALICE)
    await settle(engine)
    await engine.open_timeline(BOB)
    tweet = await engine.post(ALICE, append=False)
    await doubts.rise()
    engine.clock.advance(SMALL.doubts_last_ms)
    await doubts.look()
    assert added(doubts) == [tweet], "time alone ends no doubts"
    await settle(engine)
    await doubts.look()
    assert not doubts.hold
    assert added(doubts) == []
    assert await engine.timeline(BOB) == [tweet]


async def test_while_it_fails_again_and_again_others_are_told_in_time_and_not_each_time() -> None:
    engine, told = Engine(), list[int]()
    set_checkpoint = engine.truth.coordination.set_checkpoint

    async def counted(name: str, value: int) -> None:
        told.append(value - engine.clock.now_ms())
        await set_checkpoint(name, value)

    engine.truth.coordination.set_checkpoint = counted  # type: ignore[method-assign]
    doubts = engine.doubts()
    await doubts.rise()
    for _ in range(60):
        engine.clock.advance(100)
        begun_ms = engine.clock.monotonic_ms()
        await doubts.rise()
        assert engine.clock.monotonic_ms() == begun_ms, "only the first waits"
        for _ in range(20):
            await asyncio.sleep(0)
    assert 2 <= len(told) <= 5
    assert set(told) == {SMALL.doubts_last_ms}


async def test_without_the_truth_nothing_is_answered_because_of_doubts() -> None:
    engine = Engine()

    async def away(name: str, value: int) -> None:
        raise StoreUnavailable("cassandra")

    engine.truth.coordination.set_checkpoint = away  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable):
        await engine.doubts().rise()


async def test_doubts_are_not_about_what_was_settled_before() -> None:
    engine = Engine()
    await engine.post(ALICE)
    await engine.truth.coordination.set_checkpoint(APPLIED, engine.clock.now_ms() + 1)
    tweet = await engine.post(ALICE)
    doubts = engine.doubts()
    await doubts.rise()
    await doubts.look()
    assert added(doubts) == [tweet]
