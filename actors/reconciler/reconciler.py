"""The reconciler: appends to the log what was committed and, after a crash or while Redis was away, never appended."""

import asyncio
from collections.abc import Sequence

import numpy as np

from actors.consumers.dead_letters import Outcome, RetryPolicy, decoded
from actors.reconciler.applied_watermark import AppliedWatermark
from domain.clock import Clock
from domain.errors import PoisonedEvent
from domain.events import Event
from domain.fanout import NO_IDS
from domain.ids import EventId, Ids, first_id_at, time_ms
from domain.limits import Limits
from storage.log_reader import EVENTS_KEPT_MS, RECONCILED
from storage.ports import Ports
from storage.ports.log import BEGINNING, LogRecord
from storage.rows import HOUR_MS, MINUTE_MS
from telemetry import metrics
from telemetry.logs import logger

_GRACE_MS = 2_000
"""A command younger than this may still be appending its event by itself."""
_TRAIL_EVERY_MS = 15_000
_FIRST_LOOK_BACK_MS = 60_000
"""The time before the checkpoint from which on a new reconciler looks, for batches that Cassandra replayed late."""
_APPENDED_TOGETHER = 16
_NAME = "reconciler"


class _Seen:
    """Ids that are known to be in the log, by the minute in which they were made; closed minutes as sorted arrays."""

    def __init__(self) -> None:
        self._open: dict[int, set[int]] = {}
        self._closed: dict[int, Ids] = {}

    def add(self, event_id: int) -> None:
        self._open.setdefault(time_ms(event_id) // MINUTE_MS, set()).add(event_id)

    def holds(self, event_id: int) -> bool:
        minute = time_ms(event_id) // MINUTE_MS
        if event_id in self._open.get(minute, ()):
            return True
        closed = self._closed.get(minute, NO_IDS)
        at = int(np.searchsorted(closed, np.uint64(event_id)))
        return at < len(closed) and int(closed[at]) == event_id

    def close_before(self, minute: int) -> None:
        for old in [known for known in self._open if known < minute]:
            ids = np.array(list(self._open.pop(old)), dtype=np.uint64)
            self._closed[old] = np.union1d(self._closed.get(old, NO_IDS), ids)

    def forget_before(self, minute: int) -> None:
        for old in [known for known in self._closed if known < minute]:
            del self._closed[old]


class Reconciler:
    """Compares recent minutes of Cassandra with the log: the last seconds on every step, the last minutes now and then.

    An event may be appended twice (by its command and here); consumers do not mind.
    """

    def __init__(self, consumers: Sequence[str], ports: Ports, clock: Clock, limits: Limits, partitions: int) -> None:
        """`consumers` are those whose offsets tell that what is in the log is in all lists and values too."""
        self._applied = AppliedWatermark(consumers, ports, clock)
        self._retries = RetryPolicy(_NAME, ports.dead_letters, clock, limits)
        self._ports = ports
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._offsets: dict[int, str] = {}
        self._incarnation = ""
        self._seen = _Seen()
        self._from_ms: int | None = None
        """From where on a look at the whole trail begins."""
        self._at_ms: int | None = None
        """Up to where a look at the whole trail has come that is not at its end."""
        self._began_ms = 0
        """The time at which the last look began, or the one under way; it saw what had been committed by then."""
        self._checkpoint_ms = 0
        self._began_minute = 0
        self._old_minute = 0
        self._looked_ms = 0
        self._next_trail_ms = 0
        self._turn_ends_ms = 0
        self.behind = False
        """True if there was more to do than one turn may: the next should come at once."""

    async def step(self, wait_ms: int) -> None:
        """One turn; waits up to `wait_ms` for events. A step that raised is simply taken again."""
        if self._from_ms is None:
            await self._start()
        assert self._from_ms is not None
        self._turn_ends_ms = self._clock.monotonic_ms() + wait_ms + self._limits.turn_ms
        self.behind = True
        if await self._read_log(wait_ms):
            now_ms = self._clock.now_ms()
            self.behind = not await self._look(self._from_ms, now_ms)
            if not self.behind:
                await self._applied.step(self._looked_ms)

    async def _look(self, from_ms: int, now_ms: int) -> bool:
        """Compare the tail, or now and then the trail, which is long after an absence; False if not to its end."""
        tail_ms = self._limits.reconcile_tail_ms
        to_ms = now_ms - _GRACE_MS
        if self._at_ms is None:
            self._began_ms = now_ms
            if now_ms < self._next_trail_ms and now_ms - self._looked_ms < tail_ms:
                if await self._reconcile(max(from_ms, self._looked_ms - tail_ms), to_ms) < to_ms:
                    return False
                self._looked_ms = now_ms
                return True
            self._at_ms = from_ms
        self._at_ms = await self._reconcile(self._at_ms, to_ms)
        reconciled_ms = min(self._at_ms, self._began_ms - tail_ms)
        if reconciled_ms > self._checkpoint_ms:
            await self._ports.coordination.set_checkpoint(RECONCILED, reconciled_ms)
            self._checkpoint_ms = reconciled_ms
        if self._at_ms < to_ms:
            return False
        self._at_ms, self._looked_ms, self._next_trail_ms = None, self._began_ms, now_ms + _TRAIL_EVERY_MS
        # Only now is everything from `from_ms` on known to be in the log, as of when this look began.
        self._from_ms = max(from_ms, self._began_ms - self._limits.reconcile_trail_minutes * MINUTE_MS)
        self._seen.close_before(self._from_ms // MINUTE_MS)
        await self._reconcile_an_old_minute(now_ms)
        return True

    async def _reconcile_an_old_minute(self, now_ms: int) -> None:
        """Look at one minute of the last hours again, each in its turn, as far back as this reconciler knows."""
        assert self._from_ms is not None
        horizon = max(self._began_minute, (now_ms - self._limits.reconcile_hours * HOUR_MS) // MINUTE_MS)
        self._seen.forget_before(horizon)
        minute = max(self._old_minute + 1, horizon)
        if minute >= self._from_ms // MINUTE_MS:
            minute = horizon
        end_ms = (minute + 1) * MINUTE_MS - 1
        if await self._reconcile(minute * MINUTE_MS, end_ms) == end_ms:
            self._old_minute = minute

    async def _start(self) -> None:
        """Begin at the checkpoint; the first ever begins now, as nothing was written before."""
        checkpoint_ms = await self._ports.coordination.checkpoint(RECONCILED)
        if checkpoint_ms is None:
            checkpoint_ms = self._clock.now_ms()
            await self._ports.coordination.set_checkpoint(RECONCILED, checkpoint_ms)
        self._checkpoint_ms = checkpoint_ms
        self._from_ms = max(checkpoint_ms - _FIRST_LOOK_BACK_MS, self._clock.now_ms() - EVENTS_KEPT_MS)
        self._began_minute = self._from_ms // MINUTE_MS + 1
        self._offsets = dict.fromkeys(range(self._partitions), f"{max(0, self._from_ms)}-0")

    async def _read_log(self, wait_ms: int) -> bool:
        """Learn what is in the log; False if not to its end."""
        while True:
            read = await self._ports.log.read(self._offsets, limit=self._limits.log_read_max, wait_ms=wait_ms)
            if read.incarnation != self._incarnation:
                # What was seen in the store's last life was handled or became pointless with it (the timelines are
                # gone too), so it stays seen; what was never appended is found by its absence.
                first, self._incarnation = not self._incarnation, read.incarnation
                if not first:
                    self._applied.start_anew()
                    self._offsets = dict.fromkeys(range(self._partitions), BEGINNING)
                    continue
            for record in read.records:
                event = decoded(record.body)
                if not isinstance(event, PoisonedEvent):  # consumers make that a dead letter; it has no id to miss
                    self._seen.add(event.event_id)
                self._offsets[record.partition] = record.offset
            if len(read.records) < self._limits.log_read_max:
                return True
            if self._turn_is_over():
                return False
            wait_ms = 0

    async def _reconcile(self, from_ms: int, to_ms: int) -> int:
        """Append the events made in [from_ms, to_ms) that are not in the log, until the turn is over; up to where."""
        after, before = EventId(first_id_at(from_ms) - 1), first_id_at(to_ms)
        for minute in range(from_ms // MINUTE_MS, to_ms // MINUTE_MS + 1):
            found = await self._ports.events.event_ids_of(minute, after=after)
            missing = [(partition, id_) for partition, id_ in found if id_ < before and not self._seen.holds(id_)]
            for at in range(0, len(missing), _APPENDED_TOGETHER):
                all_ = await self._append(minute, missing[at : at + _APPENDED_TOGETHER])
                if not all_ or (self._turn_is_over() and at + _APPENDED_TOGETHER < len(missing)):
                    return max(from_ms, minute * MINUTE_MS)
            if self._turn_is_over():
                return min((minute + 1) * MINUTE_MS, to_ms)
        return to_ms

    def _turn_is_over(self) -> bool:
        return self._clock.monotonic_ms() >= self._turn_ends_ms

    async def _append(self, minute: int, missing: Sequence[tuple[int, EventId]]) -> bool:
        """Append events of one minute, (partition, id) each, in their order; False if one must be tried again."""
        outcomes = await asyncio.gather(*(self._made_whole(minute, *each) for each in missing))
        repaired = [event for _, event in outcomes if event is not None]
        if repaired:
            await self._ports.log.append(repaired)
        for event in repaired:
            self._seen.add(event.event_id)
            metrics.SAFEGUARDS.record(safeguard="reconciler_repair")
            metrics.EVENTS_APPENDED.record(by=_NAME)
            logger().info("appended what a crash left out", event_id=event.event_id)
        return all(outcome is not Outcome.RETRY for outcome, _ in outcomes)

    async def _made_whole(self, minute: int, partition: int, id_: EventId) -> tuple[Outcome, Event | None]:
        """An event with all its rows: it may be half written, and its consumers count on all of it."""
        for found, body in await self._ports.events.events_of(minute, partition, after=EventId(id_ - 1), limit=1):
            if found != id_:
                break
            record = LogRecord(partition, f"{id_}-0", body)
            event = decoded(body)
            outcome = await self._retries.attempt(record, event, self._ports.events.commit)
            if outcome is Outcome.LEFT_OUT:
                self._seen.add(id_)
            return outcome, event if outcome is Outcome.DONE and isinstance(event, Event) else None
        return Outcome.DONE, None  # it is there no longer
