"""A consumer of the log: hands every event to its handlers at least once, in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from actors.consumers.claimed_log import ClaimedLog
from actors.consumers.dead_letters import Decoded, Outcome, RetryPolicy
from domain.clock import Clock
from domain.errors import Fenced, Overloaded, PoisonedEvent, StoreUnavailable
from domain.events import AnyEvent, UnknownEvent
from domain.ids import count_part
from domain.limits import Limits
from storage.ports import Ports
from storage.ports.log import LogRecord
from telemetry import metrics
from telemetry.logs import logger, trace

_CHECKPOINT_EVERY_MS = 30_000
_REFRESH_EVERY_MS = 1_000
"""The interval of reading which parts are its own: they are read and not sent, so no such message can be lost."""

Parts = Callable[[], Awaitable[frozenset[int]]]
"""Reads which parts of all tweets and users are a consumer's own."""


def part_consumer(consumer: str, part: int) -> str:
    """The name under which a consumer's offset of a part is kept."""
    return f"{consumer}/{part:02d}"


def checkpoint_of(consumer: str, part: int) -> str:
    """The checkpoint of a part: every event that was in the log before this wall time (ms) is handled for it."""
    return f"handled:{part_consumer(consumer, part)}"


@dataclass(frozen=True, slots=True)
class Share:
    """The parts that are a consumer's own, and the epoch under which: larger than that of any owner before it."""

    epoch: int
    parts: frozenset[int]

    def has(self, subject: int) -> bool:
        """True if a tweet or user is in one of the parts."""
        return count_part(subject) in self.parts


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events, of which that is to be done which is in the share.

    All that was in the log before `known_us` (of the cache's clock, 0 if that is not known) has been handed over.
    """

    events: Sequence[AnyEvent]
    share: Share
    known_us: int = 0

    @property
    def own(self) -> list[AnyEvent]:
        """The events by users in the share."""
        return [event for event in self.events if self.share.has(event.actor)]


class Handler(Protocol):
    """The work that follows from events; whatever it writes must stand being written again, late and out of order."""

    async def handle(self, batch: Batch) -> None:
        """Do all that follows from some events, or begin it."""
        ...

    async def advance(self) -> bool:
        """Do some of what was begun; True if nothing of it is left. Until then nothing is saved."""
        return True

    async def resume(self, share: Share) -> None:
        """Make good what was written since the last `saved`: another consumer may have written since."""
        return

    def saved(self) -> None:
        """Note that nothing that was handled until now comes again."""
        return


class LogConsumer:
    """Runs handlers over the whole log, for the parts that are its own; another process of them is fenced by its epoch.

    A batch that fails or takes long is halved, until the event that fails is alone: it is retried, then a dead letter.
    """

    def __init__(
        self,
        name: str,
        handlers: Sequence[Handler],
        parts: Parts,
        ports: Ports,
        clock: Clock,
        limits: Limits,
        partitions: int,
    ) -> None:
        self.name = name
        self._handlers = handlers
        self._parts = parts
        self._ports = ports
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._retries = RetryPolicy(name, ports.dead_letters, clock, limits)
        self._share = Share(0, frozenset())
        self._refused = False
        """True if a later epoch has claimed one of the parts; they are ours all the same, so a later one is taken."""
        self._log: ClaimedLog | None = None
        """None until the offsets are claimed, and again once another owner has claimed them or they were lost."""
        self._refreshed_ms = 0
        self._batch_max = limits.handled_max
        """Events that the next turn handles together: fewer after a batch that failed or took long, then more again."""
        self._settled = True
        """Whether nothing that was handled is only begun."""
        self._known_us = 0
        self._all_read_ms = 0
        self._checkpointed_ms = 0

    async def step(self, wait_ms: int) -> None:
        """Run one turn: read a batch, or handle the next of it, and save the offset. A failure is taken up again."""
        try:
            if (log := await self._refresh()) is None:
                return
            if not log.unhandled:
                await self._read(log, wait_ms if self._settled else 0)
            await self._handle_next(log)
            self._settled = all([await handler.advance() for handler in self._handlers])
            if not self._settled:
                return
            await log.save()
            for handler in self._handlers:
                handler.saved()
            if not log.unhandled:
                await self._move_checkpoint()
        except Fenced:
            metrics.SAFEGUARDS.record(safeguard="fence")
            self._log = None  # the offset was lost, or a later process reads on: the claim will tell

    async def _refresh(self) -> ClaimedLog | None:
        """The log, claimed for the parts that are now our own; None if there are none."""
        now_ms = self._clock.monotonic_ms()
        if (self._log is not None or self._refused) and now_ms - self._refreshed_ms < _REFRESH_EVERY_MS:
            return self._log
        parts = await self._parts()
        if self._log is None or parts != self._share.parts:
            self._log = None
            self._log = await self._start(parts)
        self._refreshed_ms = now_ms
        return self._log

    async def _start(self, parts: frozenset[int]) -> ClaimedLog | None:
        if self._refused or parts != self._share.parts:
            self._share = Share(await self._ports.coordination.next_epoch(self.name), parts)
        for handler in self._handlers:
            await handler.resume(self._share)
        self._settled = True
        if not parts:
            return None
        checkpoints = [checkpoint_of(self.name, part) for part in sorted(parts)]
        log = ClaimedLog(self._ports, self._clock, self._limits, self._partitions, checkpoints=checkpoints)
        self._refused, self._refreshed_ms = True, self._clock.monotonic_ms()
        await log.claim({part_consumer(self.name, part): self._share.epoch for part in sorted(parts)})
        self._refused = False
        coordination = self._ports.coordination
        for checkpoint in checkpoints:
            if await coordination.checkpoint(checkpoint) is None:
                await coordination.set_checkpoint(checkpoint, self._clock.now_ms())
        self._all_read_ms = 0
        return log

    async def _read(self, log: ClaimedLog, wait_ms: int) -> None:
        now_ms, self._known_us = self._clock.now_ms(), 0
        batch = await log.read(wait_ms)
        if batch.records and not (batch.more or log.behind):
            known_us = await self._ports.cache.now_us()
            batch = await log.read(0)
            if not (batch.more or batch.lost or log.behind):
                self._known_us = known_us
        if not log.behind and not batch.more:
            self._all_read_ms = now_ms
        if batch.lost:
            await log.reclaim()
        if log.unhandled:
            metrics.EVENTS_HANDLED.record(len(log.unhandled), consumer=self.name)

    async def _handle_next(self, log: ClaimedLog) -> None:
        batch, begun_ms = list(islice(log.unhandled, self._batch_max)), self._clock.monotonic_ms()
        known_us = self._known_us if len(batch) == len(log.unhandled) else 0
        self._batch_max = max(1, self._batch_max // 2)
        handling = self._handle_together(batch, known_us) if len(batch) != 1 else self._handle_one(*batch[0], known_us)
        if not await handling:
            return
        if self._clock.monotonic_ms() - begun_ms <= self._limits.turn_ms:
            self._batch_max = min(self._limits.handled_max, 4 * self._batch_max)
        for record, _ in batch:
            log.unhandled.popleft()
            log.finish(record.partition, record.offset)

    async def _handle_together(self, batch: Sequence[tuple[LogRecord, Decoded]], known_us: int) -> bool:
        """Handle a batch; False if one of its events cannot be handled, which shows when that one is alone."""
        events = [event for _, event in batch if not isinstance(event, PoisonedEvent | UnknownEvent)]
        try:
            await self._handle(events, known_us)
        except (StoreUnavailable, Overloaded, Fenced):
            raise
        except Exception as error:  # noqa: BLE001  (which event it was, and whether it is given up, shows one by one)
            logger().error("a batch failed, fewer events are tried together", error=repr(error), events=len(batch))
            return False
        for event in events:
            trace("handled", consumer=self.name, event_id=event.event_id, request_id=event.request_id)
        for record, decoded in batch:
            if isinstance(decoded, PoisonedEvent | UnknownEvent):
                await self._handle_one(record, decoded, known_us)
        return True

    async def _handle_one(self, record: LogRecord, event: Decoded, known_us: int) -> bool:
        """Handle one record; False if it failed and must be tried again."""
        outcome = await self._retries.attempt(record, event, lambda event: self._handle([event], known_us))
        return outcome is not Outcome.RETRY

    async def _handle(self, events: Sequence[AnyEvent], known_us: int) -> None:
        batch = Batch(events, self._share, known_us)
        for handler in self._handlers:
            await handler.handle(batch)

    async def _move_checkpoint(self) -> None:
        """Keep the time up to which everything is handled where a loss of the log does not reach."""
        if self._all_read_ms - self._checkpointed_ms >= _CHECKPOINT_EVERY_MS:
            checkpoints = [checkpoint_of(self.name, part) for part in self._share.parts]
            set_checkpoint = self._ports.coordination.set_checkpoint
            await asyncio.gather(*(set_checkpoint(checkpoint, self._all_read_ms) for checkpoint in checkpoints))
            self._checkpointed_ms = self._all_read_ms
