from domain.events import TweetPosted
from domain.ids import EventId, TweetId, UserId, log_partition, stamp_us
from storage.ports import NOWHERE
from storage.rows import event_row
from tests.unit.actors.engine import PARTITIONS, Engine

ALICE = 1_001


async def logged(engine: Engine) -> int:
    """How many events the log holds."""
    read = await engine.log.read(dict.fromkeys(range(PARTITIONS), NOWHERE), limit=1_000, wait_ms=0)
    return len(read.records)


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
    id_ = engine.next_id()
    half = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(ALICE), text="half")
    engine.truth.tables.apply([event_row(half, PARTITIONS)])
    engine.clock.advance(3_000)
    await reconciler.step(0)
    assert await logged(engine) == 1
    assert await engine.truth.tweets.authors([TweetId(id_)]) == {TweetId(id_): UserId(ALICE)}


async def test_a_command_that_is_under_way_is_left_alone() -> None:
    engine = Engine()
    reconciler = engine.reconciler()
    await reconciler.step(0)
    await engine.post(ALICE, append=False)
    await reconciler.step(0)
    assert await logged(engine) == 0


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


async def test_a_new_reconciler_goes_on_from_the_mark_whatever_the_log_has_lost() -> None:
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
