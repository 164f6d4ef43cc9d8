"""When a reader gives an event up: after bytes that are no event, or after failing on it several times."""

import hashlib
from collections.abc import Awaitable, Callable
from enum import Enum

from domain.clock import Clock
from domain.errors import EngineError, Fenced, Overloaded, PoisonedEvent, StoreUnavailable
from domain.events import EVENT_BYTES_MAX, AnyEvent, decode
from domain.ids import ID_MAX, EventId
from domain.limits import Limits
from storage.ports.dead_letters import DeadLetter, DeadLetterStore
from storage.ports.log import LogRecord
from storage.rows import DAY_MS
from telemetry import metrics
from telemetry.logs import logger, request_id, trace


def decoded(record: LogRecord) -> AnyEvent | PoisonedEvent:
    """The event of a record, or why it has none."""
    try:
        return decode(record.body)
    except PoisonedEvent as error:
        return error


class Outcome(Enum):
    """What became of a record that was tried."""

    DONE = "done"
    GIVEN_UP = "given up"
    AGAIN = "to be tried again"


class GivenUp:
    """Counts a reader's failures per record, and keeps what it gives up for an operator to look at and retry."""

    def __init__(self, reader: str, letters: DeadLetterStore, clock: Clock, limits: Limits) -> None:
        self._reader = reader
        self._letters = letters
        self._clock = clock
        self._limits = limits
        self._attempts: dict[tuple[int, str], int] = {}

    async def tried(
        self, record: LogRecord, event: AnyEvent | PoisonedEvent, handle: Callable[[AnyEvent], Awaitable[None]]
    ) -> Outcome:
        """Handle one event. Raises what tells of a store or of a newer owner; any other failure counts."""
        if isinstance(event, PoisonedEvent):
            await self._poisoned(record, event)
            return Outcome.GIVEN_UP
        token = request_id.set(event.request_id)
        try:
            await handle(event)
            trace("handled", reader=self._reader, event_id=event.event_id)
        except (StoreUnavailable, Overloaded, Fenced):
            raise
        except Exception as error:  # noqa: BLE001  (one bad event must not stop its partition; it is kept and counted)
            return await self._failed(record, event, error)
        finally:
            request_id.reset(token)
        return Outcome.DONE

    async def _poisoned(self, record: LogRecord, error: PoisonedEvent) -> None:
        """Give bytes up that are no event; trying again would not help."""
        event_id = int.from_bytes(hashlib.blake2b(record.body, digest_size=8).digest()) & ID_MAX
        await self._give_up(record, EventId(event_id), error, attempts=1)

    async def _failed(self, record: LogRecord, event: AnyEvent, error: Exception) -> Outcome:
        place = (record.partition, record.offset)
        attempts = self._attempts.pop(place, 0) + 1
        if attempts < self._limits.attempts_max:
            self._attempts[place] = attempts
            return Outcome.AGAIN
        await self._give_up(record, event.event_id, error, attempts)
        return Outcome.GIVEN_UP

    async def _give_up(self, record: LogRecord, event_id: EventId, error: Exception, attempts: int) -> None:
        sentence = f"{type(error).__name__}: {error}" if not isinstance(error, EngineError) else str(error)
        await self._letters.add(
            DeadLetter(
                day=self._clock.now_ms() // DAY_MS,
                event_id=event_id,
                reader=self._reader,
                partition=record.partition,
                body=record.body[:EVENT_BYTES_MAX],
                error=sentence,
                attempts=attempts,
            )
        )
        metrics.DEAD_LETTERS.record(reader=self._reader)
        logger().error("event given up", reader=self._reader, event_id=event_id, error=sentence, attempts=attempts)
