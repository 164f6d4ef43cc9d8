"""The checkpoint `APPLIED` is moved when all consumers have come past what the log held, and not before."""

from actors.reconciler.applied_watermark import AppliedWatermark
from domain.ids import UserId, log_partition
from storage.log_reader import COMMITTED_MS
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL
from tests.unit.actors.engine import PARTITIONS, Engine

ALICE, BOB = 1_001, 1_003
CONSUMERS = ("one", "two")


class Watermark:
    """The checkpoint over an engine with two consumers, who come as far as the test says."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.applied = AppliedWatermark(CONSUMERS, self.engine.ports, self.engine.clock)

    async def step(self) -> int | None:
        """Find that the log lacks nothing; the checkpoint then, in ms before now."""
        await self.applied.step(self.engine.clock.now_ms())
        checkpoint = await self.engine.ports.coordination.checkpoint(APPLIED)
        return None if checkpoint is None else self.engine.clock.now_ms() - checkpoint

    async def read(self, *consumers: str) -> None:
        """Let consumers come to the end of the log."""
        ends = {partition: end.last for partition, end in (await self.engine.log.ends()).items()}
        for consumer in consumers:
            await self.engine.offsets.claim(consumer, 1)
            await self.engine.offsets.save({consumer: 1}, ends)

    async def suspect(self) -> None:
        await self.engine.ports.coordination.set_checkpoint(SUSPECT_UNTIL, self.engine.clock.now_ms() + 60_000)


async def test_an_empty_log_is_applied_but_for_what_may_still_be_being_committed() -> None:
    assert await Watermark().step() == COMMITTED_MS


async def test_every_consumer_must_have_come_past_the_end_of_every_partition() -> None:
    here = Watermark()
    for author in (ALICE, BOB):
        await here.engine.post(author)
    assert await here.step() is None
    await here.read("one")
    assert await here.step() is None
    await here.read("two")
    assert await here.step() is not None


async def test_what_was_appended_later_is_not_waited_for() -> None:
    here = Watermark()
    for author in (ALICE, BOB):
        await here.engine.post(author)
    assert await here.step() is None
    await here.read(*CONSUMERS)
    begun_ms = here.engine.clock.now_ms()
    await here.engine.post(ALICE)
    passed_ms = here.engine.clock.now_ms() - begun_ms
    assert await here.step() == COMMITTED_MS + passed_ms, "the checkpoint is of when it was looked"


async def test_it_is_moved_now_and_then_and_at_once_while_redis_is_suspect() -> None:
    here = Watermark()
    assert await here.step() == COMMITTED_MS
    here.engine.clock.advance(1_000)
    assert await here.step() == COMMITTED_MS + 1_000
    await here.suspect()
    assert await here.step() == COMMITTED_MS
    here.engine.clock.advance(1_000)
    assert await here.step() == COMMITTED_MS


async def test_offsets_in_a_log_that_was_lost_prove_nothing() -> None:
    here = Watermark()
    await here.engine.post(ALICE)
    assert await here.step() is None
    here.engine.redis.flush()
    here.applied.start_anew()
    assert await here.step() == COMMITTED_MS, "all lists are gone, and what is in the new log is read"


async def test_a_shard_and_counters_that_have_caught_up_are_past_the_end_though_nothing_new_came() -> None:
    engine = Engine()
    await engine.own_all()
    shard, counters = engine.shard(), engine.counters()
    await engine.post(ALICE)
    for actor in (shard, counters):
        await actor.step(0)
    for _ in range(engine.limits.log_entries_max + 5):  # both meet a gap
        await engine.post(ALICE)
    for _ in range(200):
        engine.clock.advance(100)
        for actor in (shard, counters):
            await actor.step(0)
    ends = {partition: end.last for partition, end in (await engine.log.ends()).items()}
    assert len(ends) == PARTITIONS
    for consumer in ("counters/00", "range-00"):
        assert await engine.offsets.offsets(consumer) == ends


def test_the_authors_are_in_both_partitions() -> None:
    assert {log_partition(UserId(user), PARTITIONS) for user in (ALICE, BOB)} == {0, 1}
