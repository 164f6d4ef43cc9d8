"""A consumer of the log: hands every event to its handlers at least once, in batches."""

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from actors.consumers.claimed_log import ClaimedLog
from actors.consumers.dead_letters import Decoded, Outcome, RetryPolicy
from domain.clock import Clock
from domain.errors import Fenced, Overloaded, PoisonedEvent, StoreUnavailable
from domain.events import AnyEvent, UnknownEvent
from domain.limits import Limits
from storage.ports import Ports
from storage.ports.log import LogRecord
from telemetry import metrics
from telemetry.logs import logger, trace

_CHECKPOINT_EVERY_MS = 10_000


def checkpoint_of(consumer: str) -> str:
    """The checkpoint of a consumer: every event that was in the log before this wall time (ms) is handled."""
    return f"handled:{consumer}"


class Handler(Protocol):
    """The work that follows from events; whatever it writes must stand being written again, late and out of order."""

    async def handle(self, events: Sequence[AnyEvent]) -> None:
        """Do all that follows from some events."""
        ...

    async def resume(self) -> None:
        """Make good what was written since the last `saved`: another consumer may have written since."""
        return

    def saved(self) -> None:
        """Note that nothing that was handled until now comes again."""
        return


class LogConsumer:
    """Runs handlers over the whole log under one name; one process at a time, fenced by its epoch.

    A batch that fails or takes long is halved, until the event that fails is alone: it is retried, then a dead letter.
    """

    def __init__(
        self,
        name: str,
        handlers: Sequence[Handler],
        epoch: int,
        ports: Ports,
        clock: Clock,
        limits: Limits,
        partitions: int,
    ) -> None:
        self.name = name
        self._handlers = handlers
        self._epoch = epoch
        self._ports = ports
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._retries = RetryPolicy(name, ports.dead_letters, clock, limits)
        self._log: ClaimedLog | None = None
        """None until the offsets are claimed, and again once another owner has claimed them or they were lost."""
        self._claimed = False
        self._batch_max = limits.handled_max
        """Events that the next turn handles together: fewer after a batch that failed or took long, then more again."""
        self._all_read_ms = 0
        self._checkpointed_ms = 0

    async def step(self, wait_ms: int) -> None:
        """Run one turn: read a batch, or handle the next of it, and save the offset. A failure is taken up again."""
        try:
            log = self._log = self._log or await self._start()
            if not log.unhandled:
                await self._read(log, wait_ms)
            await self._handle_next(log)
            await log.save()
            for handler in self._handlers:
                handler.saved()
            if not log.unhandled:
                await self._move_checkpoint()
        except Fenced as fenced:
            if not self._claimed:
                raise RuntimeError("an earlier process has a later epoch: a clock went back") from fenced
            metrics.SAFEGUARDS.record(safeguard="fence")
            self._log = None  # the offset was lost, or a later process reads on: the claim will tell

    async def _start(self) -> ClaimedLog:
        for handler in self._handlers:
            await handler.resume()
        checkpoint = checkpoint_of(self.name)
        log = ClaimedLog(self._ports, self._clock, self._limits, self._partitions, checkpoint=checkpoint)
        await log.claim({self.name: self._epoch})
        self._claimed = True
        if await self._ports.coordination.checkpoint(checkpoint) is None:
            await self._ports.coordination.set_checkpoint(checkpoint, self._clock.now_ms())
        await log.catch_up()
        self._all_read_ms = 0
        return log

    async def _read(self, log: ClaimedLog, wait_ms: int) -> None:
        now_ms = self._clock.now_ms()
        batch = await log.read(wait_ms)
        if not log.behind and not batch.more:
            self._all_read_ms = now_ms
        if batch.lost:
            await log.reclaim()
        if batch.records:
            metrics.EVENTS_HANDLED.record(len(batch.records), consumer=self.name)

    async def _handle_next(self, log: ClaimedLog) -> None:
        batch, begun_ms = list(islice(log.unhandled, self._batch_max)), self._clock.monotonic_ms()
        self._batch_max = max(1, self._batch_max // 2)
        if not await (self._handle_one(*batch[0]) if len(batch) == 1 else self._handle_together(batch)):
            return
        if self._clock.monotonic_ms() - begun_ms <= self._limits.turn_ms:
            self._batch_max = min(self._limits.handled_max, 4 * self._batch_max)
        for record, _ in batch:
            log.unhandled.popleft()
            log.finish(record.partition, record.offset)

    async def _handle_together(self, batch: Sequence[tuple[LogRecord, Decoded]]) -> bool:
        """Handle a batch; False if one of its events cannot be handled, which shows when that one is alone."""
        events = [event for _, event in batch if not isinstance(event, PoisonedEvent | UnknownEvent)]
        try:
            await self._handle(events)
        except (StoreUnavailable, Overloaded, Fenced):
            raise
        except Exception as error:  # noqa: BLE001  (which event it was, and whether it is given up, shows one by one)
            logger().error("a batch failed, fewer events are tried together", error=repr(error), events=len(batch))
            return False
        for event in events:
            trace("handled", consumer=self.name, event_id=event.event_id, request_id=event.request_id)
        for record, decoded in batch:
            if isinstance(decoded, PoisonedEvent | UnknownEvent):
                await self._handle_one(record, decoded)
        return True

    async def _handle_one(self, record: LogRecord, event: Decoded) -> bool:
        """Handle one record; False if it failed and must be tried again."""
        return await self._retries.attempt(record, event, lambda event: self._handle([event])) is not Outcome.RETRY

    async def _handle(self, events: Sequence[AnyEvent]) -> None:
        for handler in self._handlers:
            await handler.handle(events)

    async def _move_checkpoint(self) -> None:
        """Keep the time up to which everything is handled where a loss of the log does not reach."""
        if self._all_read_ms - self._checkpointed_ms >= _CHECKPOINT_EVERY_MS:
            await self._ports.coordination.set_checkpoint(checkpoint_of(self.name), self._all_read_ms)
            self._checkpointed_ms = self._all_read_ms
