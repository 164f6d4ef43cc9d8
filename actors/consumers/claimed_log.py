"""The log as an owner reads it: offsets claimed under an epoch, decoded records, a watermark for each partition."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence

from actors.consumers.dead_letters import Decoded, decoded
from domain.clock import Clock
from domain.fanout import Watermark
from domain.limits import Limits
from storage.log_reader import LogBatch, LogReader, earliest
from storage.ports import Ports
from storage.ports.log import LogRecord


class ClaimedLog:
    """Reads on from the earliest of the claimed offsets, and saves the offset up to which everything is finished.

    So whoever goes on from a saved offset repeats some events and skips none. `checkpoints` are the names of times that
    stand in for an offset where there is none (see `LogReader`).
    """

    def __init__(
        self,
        ports: Ports,
        clock: Clock,
        limits: Limits,
        partitions: int,
        *,
        checkpoints: Sequence[str],
    ) -> None:
        self.unhandled: deque[tuple[LogRecord, Decoded]] = deque()
        """Records that were read and not yet taken up, in order."""
        self._offsets = ports.offsets
        self._partitions = partitions
        self._reader = LogReader(ports, clock, limits, range(partitions), checkpoints=checkpoints)
        self._reading: asyncio.Task[LogBatch] | None = None
        """The next read, which may be waiting for events meanwhile."""
        self._owned: Mapping[str, int] = {}
        self._watermarks: dict[int, Watermark] = {}

    @property
    def behind(self) -> bool:
        """True while some partition is catching up in Cassandra."""
        return self._reader.behind

    async def claim(self, owned: Mapping[str, int]) -> None:
        """Fence earlier owners of some offsets (name → epoch) off, and go on from the earliest of them.

        Where there is none it was lost, alone or with everything: what was made since the checkpoint comes again.
        Raises `Fenced` if a later epoch has claimed one of them.
        """
        self._owned = owned
        offsets = earliest(await self.reclaim(), self._partitions)
        self._start_from(offsets)
        self._reader.seek(offsets)
        await self._reader.catch_up()

    async def reclaim(self) -> list[dict[int, str]]:
        """Claim the same offsets again, after a loss, which none of them survived; returns what each now is."""
        return await asyncio.gather(*(self._offsets.claim(name, epoch) for name, epoch in self._owned.items()))

    async def read(self, wait_ms: int) -> LogBatch:
        """Read on; what came is unhandled now. After a loss everything starts from the beginning, to be reclaimed."""
        return self._take(await self._reader.read(wait_ms))

    async def read_ahead(self, wait_ms: int, *, busy: bool) -> LogBatch:
        """Read as `read` does, what `read_on` began if it did; while its owner is busy, only what has come already."""
        reading = self._reading or self._begin_to_read(wait_ms)
        if busy and not reading.done():
            return LogBatch()
        self._reading = None
        return self._take(await reading)

    def read_on(self, wait_ms: int) -> None:
        """Begin the next read, in a task of its own: what comes meanwhile is here already when there is time for it."""
        if wait_ms and self._reading is None:
            self._begin_to_read(wait_ms)

    def stop_reading(self) -> None:
        """Give up the read that is under way; its records are read again."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def finish(self, partition: int, offset: str) -> None:
        """Note that all that follows from a record is done."""
        self._watermarks[partition].finish(offset)

    async def save(self) -> None:
        """Save the watermarks. Raises `Fenced` if one of the offsets has another owner, or was lost."""
        done = {partition: watermark.done for partition, watermark in self._watermarks.items()}
        await self._offsets.save(self._owned, done)

    def _start_from(self, offsets: Mapping[int, str]) -> None:
        self.stop_reading()
        self.unhandled.clear()
        self._watermarks = {partition: Watermark(done=offset) for partition, offset in offsets.items()}

    def _take(self, batch: LogBatch) -> LogBatch:
        if batch.lost:
            self._start_from(self._reader.offsets)
        for record in batch.records:
            self._watermarks[record.partition].begin(record.offset)
            self.unhandled.append((record, decoded(record.body)))
        for partition, offset in self._reader.offsets.items():
            self._watermarks[partition].reach(offset)
        return batch

    def _begin_to_read(self, wait_ms: int) -> asyncio.Task[LogBatch]:
        self._reading = asyncio.create_task(self._reader.read(wait_ms))
        return self._reading
