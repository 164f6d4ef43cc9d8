from dataclasses import replace
from typing import Any

from domain.events import Event, TweetPosted, decode
from domain.ids import EventId, TweetId, UserId, log_partition, stamp_us, time_ms
from storage.log_reader import EVENTS_KEPT_MS, RECONCILED
from storage.ports.log import BEGINNING
from storage.rows import Upsert, event_row
from telemetry import metrics
from tests.unit.actors.engine import PARTITIONS, UNKNOWN, Engine

ALICE = 1_001


async def logged(engine: Engine) -> int:
    """How many events the log holds."""
    read = await engine.log.read(dict.fromkeys(range(PARTITIONS), BEGINNING), limit=1_000, wait_ms=0)
    return len(read.records)


def unwritten(engine: Engine) -> tuple[int, Upsert]:
    """The id of a new tweet, and the row of its event alone."""
    id_ = engine.next_id()
    event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(ALICE), text="half")
    return id_, event_row(event, PARTITIONS)


async def test_an_event_that_was_committed_and_not_appended_is_appended_once() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    await engine.post(ALICE)
    await engine.post(ALICE, append=False)
    for _ in range(3):
        engine.clock.advance(3_000)
        await reconciler.step(0)
    assert await logged(engine) == 2


async def test_a_half_written_event_is_written_whole_before_it_is_appended() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    id_, row = unwritten(engine)
    engine.tables.apply([row])
    engine.clock.advance(3_000)
    await reconciler.step(0)
    assert await logged(engine) == 1
    assert await engine.ports.tweets.authors([TweetId(id_)]) == {TweetId(id_): UserId(ALICE)}


async def test_a_command_that_is_under_way_is_left_alone() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    await engine.post(ALICE, append=False)
    await reconciler.step(0)
    assert await logged(engine) == 0


async def test_what_shows_right_after_a_look_is_found_by_the_next_however_late_that_comes() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    engine.clock.advance(9_500)
    slow = engine.next_id()
    engine.clock.advance(5_500)
    await reconciler.step(0)  # the trail: whole
    event = TweetPosted(event_id=EventId(slow), stamp_us=stamp_us(slow), author=UserId(ALICE), text="slow")
    await engine.happened(event, append=False)
    engine.clock.advance(14_900)  # the next trail is not yet due
    await reconciler.step(0)
    assert await logged(engine) == 1


async def test_a_batch_that_shows_minutes_later_is_found_by_the_trail() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    early = engine.next_id()
    for _ in range(8):
        engine.clock.advance(30_000)
        await reconciler.step(0)
    late = TweetPosted(event_id=EventId(early), stamp_us=stamp_us(early), author=UserId(ALICE), text="late")
    await engine.happened(late, append=False)
    engine.clock.advance(20_000)
    await reconciler.step(0)
    assert await logged(engine) == 1


async def test_a_batch_that_shows_an_hour_later_is_found_when_its_minute_has_its_turn() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    engine.clock.advance(120_000)
    early = engine.next_id()
    await engine.post(ALICE)
    for _ in range(240):
        engine.clock.advance(15_000)
        await reconciler.step(0)
    late = TweetPosted(event_id=EventId(early), stamp_us=stamp_us(early), author=UserId(ALICE), text="late")
    await engine.happened(late, append=False)
    for _ in range(60):
        engine.clock.advance(15_000)
        await reconciler.step(0)
    assert await logged(engine) == 2


async def test_a_new_reconciler_goes_on_from_the_checkpoint_whatever_the_log_has_lost() -> None:
    engine = Engine()
    first = engine.reconciler()
    await first.step(0)
    await engine.post(ALICE)
    for _ in range(20):
        engine.clock.advance(15_000)
        await first.step(0)
    await engine.post(ALICE, append=False)  # the command dies, and with it everything else
    engine.redis.flush()
    engine.clock.advance(3_600_000)  # a long night
    second = engine.reconciler()
    await second.step(0)
    assert await logged(engine) == 1, "what was in the log before is not appended again"


async def test_what_was_committed_during_an_outage_longer_than_the_trail_is_appended_after_it() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    for _ in range(3):
        await engine.post(ALICE, append=False)
        engine.clock.advance(10 * 60_000)  # the log could not be reached: no step succeeded
    await reconciler.step(0)
    assert await logged(engine) == 3
    assert log_partition(ALICE, PARTITIONS) in range(PARTITIONS)


async def test_after_days_away_the_checkpoint_moves_turn_by_turn_and_nothing_is_left_out() -> None:
    engine = Engine()
    first = engine.reconciler()
    await first.step(0)
    await engine.post(ALICE, append=False)
    engine.clock.advance(40 * 3_600_000)
    await engine.post(ALICE, append=False)
    engine.clock.advance(8 * 3_600_000)
    second, looked = engine.reconciler(), 0
    event_ids_of = engine.ports.events.event_ids_of

    async def counted(*args: Any, **options: Any) -> list[tuple[int, EventId]]:
        nonlocal looked
        looked += 1
        engine.clock.advance(engine.limits.turn_ms // 100)
        return await event_ids_of(*args, **options)

    engine.ports.events.event_ids_of = counted  # type: ignore[method-assign]
    checkpoints: list[int] = []
    for _ in range(100):
        before = looked
        await second.step(0)
        assert looked - before <= 100 + 4, "a turn has its end"
        checkpoints.append(await engine.ports.coordination.checkpoint(RECONCILED) or 0)
        if not second.behind:
            break
    assert not second.behind
    assert checkpoints == sorted(set(checkpoints)), "whoever goes on from a checkpoint has less to do"
    assert await logged(engine) == 2


async def test_many_left_out_events_are_appended_turn_by_turn_in_their_order() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    posted = [await engine.post(ALICE, append=False) for _ in range(100)]
    commit = engine.ports.events.commit

    async def slow(event: Event) -> None:
        engine.clock.advance(engine.limits.turn_ms // 20)
        await commit(event)

    engine.ports.events.commit = slow  # type: ignore[method-assign]
    engine.clock.advance(30_000)  # time for a look at the whole trail
    lengths, checkpoints = [0], [await engine.ports.coordination.checkpoint(RECONCILED) or 0]
    while len(lengths) == 1 or reconciler.behind:
        await reconciler.step(0)
        lengths.append(await logged(engine))
        checkpoints.append(await engine.ports.coordination.checkpoint(RECONCILED) or 0)
    assert lengths == [0, 32, 64, 96, 100], "a turn ends with the part that was begun"
    assert checkpoints == sorted(checkpoints)
    assert max(checkpoints[:-1]) <= time_ms(posted[-1]), "the checkpoint passes nothing that is still to be appended"
    read = await engine.log.read(dict.fromkeys(range(PARTITIONS), BEGINNING), limit=1_000, wait_ms=0)
    assert [decode(record.body).event_id for record in read.records] == posted


async def test_a_batch_that_shows_while_a_long_look_is_past_its_minute_is_found_by_the_next() -> None:
    engine = Engine()
    await engine.reconciler().step(0)
    engine.clock.advance(20 * 3_600_000)
    early = engine.next_id()
    engine.clock.advance(5 * 60_000)
    second, event_ids_of = engine.reconciler(), engine.ports.events.event_ids_of

    async def slow(*args: Any, **options: Any) -> list[tuple[int, EventId]]:
        engine.clock.advance(500)
        return await event_ids_of(*args, **options)

    engine.ports.events.event_ids_of = slow  # type: ignore[method-assign]
    await second.step(0)
    late = TweetPosted(event_id=EventId(early), stamp_us=stamp_us(early), author=UserId(ALICE), text="late")
    while second.behind:
        if (await engine.ports.coordination.checkpoint(RECONCILED) or 0) > time_ms(early):
            await engine.happened(late, append=False)
        await second.step(0)
    assert await engine.ports.tweets.authors([TweetId(early)]), "it showed during the look"
    engine.clock.advance(20_000)
    await second.step(0)
    while second.behind:
        await second.step(0)
    assert await logged(engine) == 1


async def test_an_event_that_fails_is_tried_until_it_is_given_up_however_old_it_is() -> None:
    engine = Engine()
    await engine.reconciler().step(0)
    bad = await engine.post(ALICE, append=False)
    engine.clock.advance(20 * 3_600_000)
    commit = engine.ports.events.commit

    async def failing(event: Event) -> None:
        if event.event_id == bad:
            raise ValueError("this one")
        await commit(event)

    engine.ports.events.commit = failing  # type: ignore[method-assign]
    second = engine.reconciler()
    for _ in range(10):
        await second.step(0)
    (letter,) = await engine.ports.dead_letters.letters(limit=10)
    assert (letter.event_id, letter.consumer) == (bad, "reconciler")
    assert not second.behind


async def test_months_away_are_looked_at_as_far_back_as_events_are_kept() -> None:
    engine = Engine()
    await engine.reconciler().step(0)
    engine.clock.advance(60 * 24 * 3_600_000)
    second = engine.reconciler()
    await second.step(0)
    checkpoint = await engine.ports.coordination.checkpoint(RECONCILED)
    assert checkpoint is not None
    assert checkpoint >= engine.clock.now_ms() - EVENTS_KEPT_MS


async def test_events_of_an_unknown_kind_are_skipped_in_the_log_and_in_cassandra() -> None:
    engine = Engine()
    reconciler, counted = engine.reconciler(), metrics.LocalBackend()
    metrics.install(counted)
    await reconciler.step(0)
    engine.append_unknown()
    _, row = unwritten(engine)
    engine.tables.apply([replace(row, values={**row.values, "body": UNKNOWN})])
    await engine.post(ALICE, append=False)
    for _ in range(3):
        engine.clock.advance(3_000)
        await reconciler.step(0)
    assert await logged(engine) == PARTITIONS + 1
    assert not reconciler.behind
    assert await engine.ports.dead_letters.letters(limit=1) == []
    assert counted.total(metrics.EVENTS_UNKNOWN, consumer="reconciler") == 1


async def test_a_committed_event_that_cannot_be_decoded_becomes_a_dead_letter_and_others_go_on() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    _, row = unwritten(engine)
    engine.tables.apply([replace(row, values={**row.values, "body": b"\x02from the future"})])
    await engine.post(ALICE, append=False)
    for _ in range(3):
        engine.clock.advance(3_000)
        await reconciler.step(0)
    assert await logged(engine) == 1
    (letter,) = await engine.ports.dead_letters.letters(limit=10)
    assert (letter.consumer, letter.error) == ("reconciler", "version 2 is not 1")
