"""Retries and dead letters: a consumer gives an event up when its bytes are none, or after several failures on it."""

import hashlib
from collections.abc import Awaitable, Callable
from enum import Enum

from domain.clock import Clock
from domain.errors import EngineError, Fenced, Overloaded, PoisonedEvent, StoreUnavailable
from domain.events import EVENT_BYTES_MAX, AnyEvent, UnknownEvent, decode
from domain.ids import ID_MAX, EventId
from domain.limits import Limits
from storage.ports.dead_letters import DeadLetter, DeadLetterStore
from storage.ports.log import LogRecord
from storage.rows import DAY_MS
from telemetry import metrics
from telemetry.logs import logger, request_id, trace

Decoded = AnyEvent | UnknownEvent | PoisonedEvent


def decoded(body: bytes) -> Decoded:
    """The event of some bytes, or why they have none."""
    try:
        return decode(body)
    except PoisonedEvent as error:
        return error


class Outcome(Enum):
    """Outcome of one try."""

    DONE = "done"
    LEFT_OUT = "left out"
    """It is given up, or its type is not known to this release."""
    RETRY = "to be tried again"


class RetryPolicy:
    """Counts a consumer's failures per record; a record that it gives up is kept as a dead letter for an operator."""

    def __init__(self, consumer: str, dead_letters: DeadLetterStore, clock: Clock, limits: Limits) -> None:
        self._consumer = consumer
        self._dead_letters = dead_letters
        self._clock = clock
        self._limits = limits
        self._attempts: dict[tuple[int, str], int] = {}

    async def attempt(
        self, record: LogRecord, event: Decoded, handle: Callable[[AnyEvent], Awaitable[None]]
    ) -> Outcome:
        """Handle one event. Raises what tells of a store or of a newer owner; any other failure counts."""
        if isinstance(event, PoisonedEvent):
            digest = int.from_bytes(hashlib.blake2b(record.body, digest_size=8).digest())
            await self._give_up(record, EventId(digest & ID_MAX), event, attempts=1)  # trying again would not help
            return Outcome.LEFT_OUT
        if isinstance(event, UnknownEvent):
            metrics.EVENTS_UNKNOWN.record(consumer=self._consumer)
            return Outcome.LEFT_OUT
        token = request_id.set(event.request_id)
        try:
            await handle(event)
            trace("handled", consumer=self._consumer, event_id=event.event_id)
        except (StoreUnavailable, Overloaded, Fenced):
            raise
        except Exception as error:  # noqa: BLE001  (one bad event must not stop its partition; it is kept and counted)
            return await self._failed(record, event, error)
        finally:
            request_id.reset(token)
        return Outcome.DONE

    async def _failed(self, record: LogRecord, event: AnyEvent, error: Exception) -> Outcome:
        place = (record.partition, record.offset)
        attempts = self._attempts.pop(place, 0) + 1
        if attempts < self._limits.attempts_max:
            self._attempts[place] = attempts
            return Outcome.RETRY
        await self._give_up(record, event.event_id, error, attempts)
        return Outcome.LEFT_OUT

    async def _give_up(self, record: LogRecord, event_id: EventId, error: Exception, attempts: int) -> None:
        sentence = f"{type(error).__name__}: {error}" if not isinstance(error, EngineError) else str(error)
        await self._dead_letters.add(
            DeadLetter(
                day=self._clock.now_ms() // DAY_MS,
                event_id=event_id,
                consumer=self._consumer,
                partition=record.partition,
                body=record.body[:EVENT_BYTES_MAX],
                error=sentence,
                attempts=attempts,
            )
        )
        metrics.DEAD_LETTERS.record(consumer=self._consumer)
        logger().error("event given up", consumer=self._consumer, event_id=event_id, error=sentence, attempts=attempts)
