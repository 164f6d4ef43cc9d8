"""Source of the log as it grows."""

import asyncio
import threading
from collections import deque
from datetime import datetime

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from typing_extensions import override

from dataflows.sources.chunks import Chunk, decoded
from dataflows.store_thread import StoreThread
from domain.clock import Clock
from domain.errors import EngineError
from storage.log_reader import LogReader, ReaderState, appended_ms
from storage.rows import HOUR_MS
from telemetry.logs import logger
from telemetry.metrics import EVENTS_HANDLED, FLOW_LAG

CHUNKS_AHEAD_MAX = 8
"""Chunks of a partition that are read before the dataflow asks for them."""
_POLL_S = 0.5
"""An idle partition is read so often; blocking reads would need a connection for each."""
_PAUSE_S = 0.05
"""A worker that has nothing to hand out waits so long at most, as it may have peers: their chunks come meanwhile."""
_COUNT_EVERY_MS = 1_000
_COMMIT_MS = 500
"""A command may take so long from making an id to appending its event; what takes longer counts as late."""
_JUMP_MS = 5_000
_LASTED_MS = 60_000
"""A clock must have been ahead so long to be believed."""


class LogSource(FixedPartitionedSource[Chunk, ReaderState | None]):
    """Every partition of the log, from where a snapshot was taken on; without one, from `from_ms` in Cassandra.

    Nothing is left out: where the log does not reach back, or was lost, Cassandra does. Much may come twice.
    """

    def __init__(self, stores: StoreThread, clock: Clock, *, from_ms: int, stopping: threading.Event) -> None:
        self.stores = stores
        self.clock = clock
        self.stopping = stopping
        self._from_ms = from_ms
        self.joined = threading.Event()
        """Set once a dataflow has asked what there is: its worker has met all its peers."""
        self.ahead = threading.Semaphore(0)
        """Counts the chunks that the partitions of this worker have read ahead."""
        self._pacing: int | None = None
        """The partition that pauses for all of them, which are asked in turn."""

    @override
    def list_parts(self) -> list[str]:
        self.joined.set()
        return [f"{partition:02d}" for partition in range(self.stores.config.partitions)]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: ReaderState | None) -> "_LogPartition":
        partition, limits = int(for_part), self.stores.config.limits
        look_back_ms = limits.reconcile_hours * HOUR_MS
        reader = LogReader(self.stores.stores.ports, self.clock, limits, (partition,), look_back_ms=look_back_ms)
        if resume_state is not None:
            reader.restore(resume_state)
        self._pacing = partition if self._pacing is None else self._pacing
        return _LogPartition(self, partition, reader, self._from_ms if resume_state is None else None)

    def pause(self, partition: int) -> None:
        """Wait once a round for a moment, unless a chunk of any partition is there or comes meanwhile.

        Without it Bytewax waits for a millisecond from one round to the next, and wakes a thousand times a second.
        """
        if partition == self._pacing and self.ahead.acquire(timeout=_PAUSE_S):
            self.ahead.release()


class SteadyClock:
    """Wall time that follows a jump forward only once it has lasted.

    What was complete up to some time is not looked at again, so a clock that is set right after it ran ahead would stop
    trends until it is there again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = clock.now_ms() - clock.monotonic_ms()
        self._jumped_ms: int | None = None

    def now_ms(self) -> int:
        """The wall time that is believed."""
        wall_ms, monotonic_ms = self._clock.now_ms(), self._clock.monotonic_ms()
        if wall_ms - monotonic_ms > self._ahead_ms + _JUMP_MS:
            self._jumped_ms = monotonic_ms if self._jumped_ms is None else self._jumped_ms
            if monotonic_ms - self._jumped_ms < _LASTED_MS:
                return monotonic_ms + self._ahead_ms
        self._jumped_ms, self._ahead_ms = None, wall_ms - monotonic_ms
        return wall_ms


class _LogPartition(StatefulSourcePartition[Chunk, ReaderState | None]):
    """Reads ahead on the stores' loop, and hands out what is there."""

    def __init__(self, source: LogSource, partition: int, reader: LogReader, begin_ms: int | None) -> None:
        self._source = source
        self._stores = source.stores
        self._clock = source.clock
        self._steady = SteadyClock(source.clock)
        self._partition = partition
        self._reader = reader
        self._begin_ms = begin_ms
        self._state: ReaderState | None = None
        """State of the reader behind the last chunk that was handed out."""
        self._counted_ms = 0
        self._ahead: deque[tuple[Chunk, ReaderState]] = deque()
        """Chunks that nobody asked for yet, each with the state of the reader behind it."""
        self._room = asyncio.Semaphore(CHUNKS_AHEAD_MAX)
        self._following = self._stores.start(self._follow())

    @override
    def next_batch(self) -> list[Chunk]:
        if self._source.stopping.is_set():
            raise StopIteration
        if self._following.done():
            self._following.result()
        if not self._ahead:
            self._source.pause(self._partition)
            return []
        chunk, self._state = self._ahead.popleft()
        self._source.ahead.acquire()
        self._stores.loop.call_soon_threadsafe(self._room.release)
        self._count(chunk)
        return [chunk]

    @override
    def next_awake(self) -> datetime | None:
        return None  # at once: `next_batch` waits itself

    @override
    def snapshot(self) -> ReaderState | None:
        return self._state

    @override
    def close(self) -> None:
        self._following.cancel()

    def _count(self, chunk: Chunk) -> None:
        if chunk.events:
            EVENTS_HANDLED.record(len(chunk.events), consumer="trends")
        now_ms = self._clock.now_ms()
        if now_ms - self._counted_ms >= _COUNT_EVERY_MS:
            self._counted_ms = now_ms
            FLOW_LAG.record(max(0, now_ms - chunk.complete_ms) / 1000, partition=str(self._partition))

    async def _follow(self) -> None:
        while True:
            await self._room.acquire()
            chunk, state = await self._next()
            self._ahead.append((chunk, state))
            self._source.ahead.release()
            if not chunk.events and not self._reader.behind:
                await asyncio.sleep(_POLL_S)

    async def _next(self) -> tuple[Chunk, ReaderState]:
        while True:
            try:
                if self._begin_ms is not None:
                    await self._reader.begin_at(self._begin_ms)
                    self._begin_ms = None
                now_ms = self._steady.now_ms()
                batch = await self._reader.read(0)
            except EngineError as error:
                logger().warning("will try again", source=self._partition, error=str(error))
                await asyncio.sleep(_POLL_S)
                continue
            behind = self._reader.behind
            read_ms = self._reader.caught_up_ms if behind else now_ms
            if batch.more:
                read_ms = appended_ms(batch.records[-1].offset)
            events = tuple(decoded(record.body for record in batch.records))
            complete_ms, partitions = min(read_ms, now_ms) - _COMMIT_MS, self._stores.config.partitions
            chunk = Chunk(self._partition, partitions, complete_ms, events, behind, self._reader.back_to_ms)
            return chunk, self._reader.state()
