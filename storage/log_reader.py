"""The reader of the log that misses nothing: where the log does not reach back far enough, Cassandra does."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from domain.clock import Clock
from domain.ids import EventId, first_id_at
from domain.limits import Limits
from storage.ports import Ports
from storage.ports.log import BEGINNING, LogRead, LogRecord
from storage.rows import DAY_MS, MINUTE_MS
from telemetry.metrics import SAFEGUARDS

RECONCILED = "reconciled"
"""The reconciler's checkpoint: what was made before this wall time (ms) has been in the log."""
COMMITTED_MS = 6_000
"""The longest time from an event's id to when it is visible, if it is acknowledged: two calls of a store."""
EVENTS_KEPT_MS = 7 * DAY_MS
"""Cassandra keeps no event for longer."""
_LOSS_LOOK_BACK_MS = 60_000
"""The longest time before a reader's offset at which an event that it had not read when the log was lost was made."""
_MINUTES_AT_ONCE = 32
"""Minutes that are asked side by side whether they hold anything."""


class LogBatch(NamedTuple):
    """The result of one read. `lost`, said once: the log was lost, and with it everything else in its store.

    `more`: the log may hold more behind the records.
    """

    records: tuple[LogRecord, ...] = ()
    lost: bool = False
    more: bool = False


@dataclass
class CatchUp:
    """The place of a partition in Cassandra, and the offset in the stream from which it goes on afterwards.

    It has no slots: what was kept by an earlier release holds a field more.
    """

    minute: int
    after: EventId
    resume: str


@dataclass(frozen=True, slots=True)
class ReaderState:
    """The place of a reader in the log, in a form that can be kept."""

    incarnation: str | None
    offsets: Mapping[int, str]
    catching_up: Mapping[int, CatchUp]


def earliest(claimed: Iterable[Mapping[int, str]], partitions: int) -> dict[int, str]:
    """For each partition the earliest of some readers' offsets; `BEGINNING` where any of them has none."""
    found = list(claimed)
    return {
        partition: min((offsets.get(partition, BEGINNING) for offsets in found), key=_order, default=BEGINNING)
        for partition in range(partitions)
    }


class LogReader:
    """Reads every partition from `offsets` on: each event at least once, a partition's in the order of its stream.

    Two things send a partition to Cassandra before it goes on with its stream. A gap: the stream begins after our
    offset, or is empty though we have one, or was cut before we had one. A new incarnation: the stream is another
    one (`LogBatch.lost`). The events are then read again from some minutes before our offset on, so most come a
    second time.

    Records from Cassandra carry made-up offsets in the millisecond before our own, so that all lie before the
    stream's first. A reader that saves one of them and dies meets the same gap again.
    """

    def __init__(
        self,
        ports: Ports,
        clock: Clock,
        limits: Limits,
        partitions: Iterable[int],
        *,
        checkpoints: Sequence[str] = (RECONCILED,),
        look_back_ms: int | None = None,
    ) -> None:
        """Begin nowhere: at the oldest event that each stream holds.

        `checkpoints` name durable wall times (ms), the earliest of which stands in for an offset where there is none.
        `look_back_ms` is how long before its offset a catch-up begins, for readers that must not miss what was appended
        very late.
        """
        self.offsets: dict[int, str] = dict.fromkeys(partitions, BEGINNING)
        self._log = ports.log
        self._events = ports.events
        self._coordination = ports.coordination
        self._clock = clock
        self._limits = limits
        self._checkpoints = checkpoints
        self._looks_far_back = look_back_ms is not None
        self._loss_look_back_ms = look_back_ms or _LOSS_LOOK_BACK_MS
        self._gap_look_back_ms = look_back_ms or limits.reconcile_trail_minutes * MINUTE_MS
        self._incarnation: str | None = None
        self._catching_up: dict[int, CatchUp] = {}

    def seek(self, offsets: Mapping[int, str]) -> None:
        """Go on from these offsets."""
        self.offsets.update(offsets)
        self._catching_up.clear()

    def state(self) -> ReaderState:
        """The state from which another reader goes on from here."""
        catching_up = {p: replace(catch_up) for p, catch_up in self._catching_up.items()}
        return ReaderState(self._incarnation, dict(self.offsets), catching_up)

    def restore(self, state: ReaderState) -> None:
        """Go on where another reader was."""
        self._incarnation = state.incarnation
        self.offsets = dict(state.offsets)
        self._catching_up = {p: replace(catch_up) for p, catch_up in state.catching_up.items()}

    async def begin_at(self, from_ms: int) -> None:
        """Begin every partition with what was made from a wall time on, as far back as events are kept."""
        ends = await self._log.ends()
        for partition in self.offsets:
            self._begin_catch_up(partition, from_ms, resume=ends[partition].last)

    @property
    def behind(self) -> bool:
        """True while some partition is catching up."""
        return bool(self._catching_up)

    @property
    def caught_up_ms(self) -> int:
        """The wall time up to which, while it is behind, it has read all that was made and committed by then."""
        return min(at.minute for at in self._catching_up.values()) * MINUTE_MS - 1

    @property
    def back_to_ms(self) -> int:
        """The wall time before which nothing was made that is read again, whatever happens to the log."""
        at = [self._catching_up[p].resume if p in self._catching_up else at for p, at in self.offsets.items()]
        back = max(self._gap_look_back_ms, self._loss_look_back_ms)
        reads_now_ms = [catch_up.minute * MINUTE_MS for catch_up in self._catching_up.values()]
        return max(0, min([*(appended_ms(offset) - back for offset in at), *reads_now_ms]))

    async def catch_up(self) -> None:
        """Begin partitions without an offset in Cassandra: it may have been lost, with events that are in no stream."""
        self._incarnation = self._incarnation or await self._log.incarnation()  # another loss shows, as of now
        for partition, offset in self.offsets.items():
            if not appended_ms(offset):
                from_ms = await self._known_ms(offset, self._loss_look_back_ms)
                self._begin_catch_up(partition, from_ms, resume=BEGINNING)

    async def read(self, wait_ms: int) -> LogBatch:
        """The next records; waits up to `wait_ms` if there are none. A read that raised may simply be repeated."""
        if self._catching_up:
            records = await self._catch_up()
            if records or self._catching_up:
                return LogBatch(records)
        read = await self._log.read(self.offsets, limit=self._limits.log_read_max, wait_ms=wait_ms)
        if self._incarnation not in (None, read.incarnation):
            await self._begin_again()
            self._incarnation = read.incarnation
            return LogBatch(lost=True)
        self._incarnation = read.incarnation
        await self._check_gaps(read)
        records = tuple(record for record in read.records if record.partition not in self._catching_up)
        for record in records:
            self.offsets[record.partition] = record.offset
        return LogBatch(records, more=len(records) >= self._limits.log_read_max)

    async def _begin_again(self) -> None:
        """After a loss: catch up on every partition, then go on with its new stream.

        Most of what we had not read concerns timelines and caches that are gone as well, but not all of it: relations
        that raced leave rows. Who looks far back needs nothing of what the new stream holds already.
        """
        from_ms = {p: await self._known_ms(at, self._loss_look_back_ms) for p, at in self.offsets.items()}
        SAFEGUARDS.record(safeguard="incarnation")
        ends = await self._log.ends() if self._looks_far_back else {}
        for partition in self.offsets:
            self.offsets[partition] = BEGINNING
            resume = ends[partition].last if self._looks_far_back else BEGINNING
            self._begin_catch_up(partition, from_ms[partition], resume=resume)

    async def _check_gaps(self, read: LogRead) -> None:
        gaps = [p for p, offset in self.offsets.items() if _is_gap(offset, read.first.get(p))]
        unknown = [p for p, offset in self.offsets.items() if offset == BEGINNING and p in read.first]
        if not gaps and not unknown:
            return
        # What is in a stream now was committed before: the catch-up that starts now finds it, so we go on from the end.
        ends = await self._log.ends()
        # A stream that was never cut is shorter than the most it keeps; what a full one began with, nobody can tell.
        gaps += [p for p in unknown if ends[p].entries >= self._limits.log_entries_max]
        from_ms = {p: await self._known_ms(self.offsets[p], self._gap_look_back_ms) for p in gaps}
        for partition in gaps:
            ms, n = _order(self.offsets[partition])
            self.offsets[partition] = f"{ms - 1}-0" if ms else f"0-{n}"
            self._begin_catch_up(partition, from_ms[partition], resume=ends[partition].last)

    async def _known_ms(self, offset: str, look_back_ms: int) -> int:
        """The wall time before which a reader at some offset knows what was made, if it was appended in time."""
        now_ms = self._clock.now_ms()
        known_ms = appended_ms(offset)
        if not known_ms:
            found = await asyncio.gather(*map(self._coordination.checkpoint, self._checkpoints))
            known_ms = min((checkpoint_ms for checkpoint_ms in found if checkpoint_ms is not None), default=now_ms)
        return max(min(known_ms, now_ms) - look_back_ms, now_ms - EVENTS_KEPT_MS)

    def _begin_catch_up(self, partition: int, from_ms: int, *, resume: str) -> None:
        SAFEGUARDS.record(safeguard="catch_up")
        after = EventId(max(0, first_id_at(from_ms) - 1))
        self._catching_up[partition] = CatchUp(from_ms // MINUTE_MS, after, resume)

    async def _catch_up(self) -> tuple[LogRecord, ...]:
        """The next records from Cassandra, of one partition; none when all caught up, or a turn's time is over."""
        ends_ms = self._clock.monotonic_ms() + self._limits.turn_ms
        while self._catching_up and self._clock.monotonic_ms() < ends_ms:
            partition, at = next(iter(self._catching_up.items()))
            found = await self._events.events_of(at.minute, partition, after=at.after, limit=self._limits.log_read_max)
            if found:
                at.after = found[-1][0]
                return tuple(LogRecord(partition, self._made_up(partition), body) for _, body in found)
            now_minute = self._clock.now_ms() // MINUTE_MS
            if at.minute > now_minute:  # the one after this, for clocks that are ahead of ours
                self.offsets[partition] = at.resume
                del self._catching_up[partition]
            else:
                at.minute = await self._next_minute(partition, at, now_minute + 1)
        return ()

    async def _next_minute(self, partition: int, at: CatchUp, last: int) -> int:
        """The first minute behind this one that holds anything, or one before which none does."""
        minutes = range(at.minute + 1, min(at.minute + _MINUTES_AT_ONCE, last) + 1)
        found = await asyncio.gather(
            *(self._events.events_of(minute, partition, after=at.after, limit=1) for minute in minutes)
        )
        return next((minute for minute, any_ in zip(minutes, found, strict=True) if any_), minutes[-1])

    def _made_up(self, partition: int) -> str:
        ms, n = _order(self.offsets[partition])
        self.offsets[partition] = f"{ms}-{n + 1}"
        return self.offsets[partition]


def appended_ms(offset: str) -> int:
    """The time at which the record at an offset was appended, by the clock of the log's store; 0 for `BEGINNING`."""
    return _order(offset)[0]


def has_reached(offset: str, other: str) -> bool:
    """True if an offset is that of another record or of a later one."""
    return _order(offset) >= _order(other)


def _is_gap(offset: str, first: str | None) -> bool:
    return offset != BEGINNING and (first is None or _order(first) > _order(offset))


def _order(offset: str) -> tuple[int, int]:
    ms, _, n = offset.partition("-")
    return int(ms), int(n)
