"""The answer waits for the log while Redis only stalls, and for no longer."""

from collections.abc import Sequence

import orjson
import pytest
from typing_extensions import override

from domain.errors import EngineError, LeaseExpired, Overloaded, StoreUnavailable
from domain.events import Event, TweetPosted
from domain.ids import EventId, UserId, stamp_us
from serve.http.errors import answer_to, writing
from serve.writing.publisher import Publisher
from storage.ports.log import BEGINNING
from tests.memory.events import MemoryEventStore
from tests.memory.log import MemoryEventLog
from tests.unit.actors.engine import PARTITIONS, Engine


class StallingLog(MemoryEventLog):
    """Fails some times, then works."""

    failures: list[EngineError]

    @override
    async def append(self, events: Sequence[Event]) -> None:
        if self.failures:
            raise self.failures.pop()
        await super().append(events)


@pytest.mark.parametrize(("failures", "appended"), [(0, 1), (2, 1), (9, 0)])
async def test_an_event_is_appended_before_the_answer_if_redis_comes_back(failures: int, appended: int) -> None:
    engine = Engine()
    log = StallingLog(engine.redis, PARTITIONS, engine.limits)
    log.failures = [StoreUnavailable("redis"), Overloaded("redis", retry_after_ms=1)] * 5
    del log.failures[failures:]
    id_ = engine.next_id()
    event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(7), text="hello")
    guard = engine.guard()
    await Publisher(engine.ports.events, engine.cache, log, guard).publish(event)
    read = await log.read(dict.fromkeys(range(PARTITIONS), BEGINNING), limit=9, wait_ms=0)
    assert len(read.records) == appended
    assert guard.active is not bool(appended)
    assert len(await engine.ports.tweets.entries_by_author(UserId(7), before=1 << 62, limit=9)) == 1


@pytest.mark.parametrize("changed", [False, True])
async def test_known_values_are_kept_unless_somebody_knew_better_meanwhile(changed: bool) -> None:
    engine = Engine()

    class Overtaken(MemoryEventStore):
        @override
        async def commit(self, event: Event) -> None:
            await super().commit(event)
            if changed:
                await engine.cache.drop(["t"])

    id_ = engine.next_id()
    event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(7), text="hello")
    publisher = Publisher(Overtaken(engine.tables, PARTITIONS), engine.cache, engine.log, engine.guard())
    await publisher.publish(event, await publisher.lease({"t": b"known"}, ttl_s=60))
    _, found = await engine.cache.fetch((), ("t",))
    assert found == [None if changed else b"known"]


@pytest.mark.parametrize("refusal", [Overloaded("redis", retry_after_ms=100), LeaseExpired(3)])
async def test_a_refusal_after_the_commit_does_not_say_that_nothing_was_done(refusal: EngineError) -> None:
    engine = Engine()
    id_ = engine.next_id()
    event = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(7), text="hello")
    writing.set(False)
    before = answer_to(refusal)
    await Publisher(engine.ports.events, engine.cache, engine.log, engine.guard()).publish(event)
    after = answer_to(refusal)
    assert before is not None
    assert after is not None
    assert b"nothing was done" in bytes(before.body)
    assert b"may have happened" in bytes(after.body)
    assert orjson.loads(bytes(after.body))["code"] == "store_unavailable"
    headers = [{**answer.headers, "content-length": ""} for answer in (before, after)]
    assert headers[0] == headers[1], "but for the length of the sentence"
