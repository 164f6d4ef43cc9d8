"""Source of the past: events from Cassandra."""

from collections import deque
from concurrent.futures import Future
from typing import NamedTuple

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_random_exponential
from typing_extensions import override

from dataflows.sources.chunks import Chunk, decoded
from dataflows.store_thread import StoreThread
from domain.errors import Overloaded, StoreUnavailable
from domain.events import AnyEvent
from domain.ids import EventId, first_id_at, time_ms
from storage.rows import MINUTE_MS

MINUTES_AHEAD_MAX = 16
PAGE_EVENTS = 5_000
_RETRY_FOR_S = 60.0
"""A minute is asked for again so long while Cassandra is busy or away."""


class _Minute(NamedTuple):
    """The events of a minute, by id."""

    minute: int
    events: "Future[list[AnyEvent]]"


class HistorySource(FixedPartitionedSource[Chunk, int]):
    """The events made in [from_ms, to_ms], in chunks of `step_ms`, each partition in the order of ids; then the end."""

    def __init__(self, stores: StoreThread, *, from_ms: int, to_ms: int, step_ms: int = MINUTE_MS) -> None:
        assert MINUTE_MS % step_ms == 0, "a minute is read as a whole"
        self._stores = stores
        self._from_ms = from_ms
        self._to_ms = to_ms
        self._step_ms = step_ms

    @override
    def list_parts(self) -> list[str]:
        return [f"{partition:02d}" for partition in range(self._stores.config.partitions)]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_HistoryPartition":
        from_ms = self._from_ms if resume_state is None else resume_state
        return _HistoryPartition(self._stores, int(for_part), from_ms, self._to_ms, self._step_ms)


class _HistoryPartition(StatefulSourcePartition[Chunk, int]):
    """Reads minutes ahead; its state is the wall time from which it goes on."""

    def __init__(self, stores: StoreThread, partition: int, from_ms: int, to_ms: int, step_ms: int) -> None:
        self._stores = stores
        self._partition = partition
        self._at_ms = from_ms
        self._to_ms = to_ms
        self._step_ms = step_ms
        self._next_minute = from_ms // MINUTE_MS
        self._ahead: deque[_Minute] = deque()

    @override
    def next_batch(self) -> list[Chunk]:
        if self._at_ms > self._to_ms:
            raise StopIteration
        while len(self._ahead) < MINUTES_AHEAD_MAX and self._next_minute * MINUTE_MS <= self._to_ms:
            self._ahead.append(_Minute(self._next_minute, self._stores.start(self._read(self._next_minute))))
            self._next_minute += 1
        if not self._ahead[0].events.done():
            return []
        return self._chunks(self._ahead.popleft())

    @override
    def snapshot(self) -> int:
        return self._at_ms

    def _chunks(self, minute: _Minute) -> list[Chunk]:
        events, chunks, partitions = minute.events.result(), [], self._stores.config.partitions
        end_ms = min((minute.minute + 1) * MINUTE_MS, self._to_ms + 1)
        at = 0
        while self._at_ms < end_ms:
            until_ms = min((self._at_ms // self._step_ms + 1) * self._step_ms, end_ms)
            start = at
            while at < len(events) and time_ms(events[at].event_id) < until_ms:
                at += 1
            chunks.append(
                Chunk(self._partition, partitions, until_ms - 1, tuple(events[start:at]), back_to_ms=until_ms)
            )
            self._at_ms = until_ms
        return chunks

    @retry(
        retry=retry_if_exception_type((StoreUnavailable, Overloaded)),
        stop=stop_after_delay(_RETRY_FOR_S),
        wait=wait_random_exponential(0.05, max=1.0),
        reraise=True,
    )
    async def _read(self, minute: int) -> list[AnyEvent]:
        store = self._stores.stores.ports.events
        after = EventId(max(0, first_id_at(max(self._at_ms, minute * MINUTE_MS)) - 1))
        found: list[AnyEvent] = []
        while True:
            page = await store.events_of(minute, self._partition, after=after, limit=PAGE_EVENTS)
            found += decoded(body for _, body in page)
            if len(page) < PAGE_EVENTS:
                return found
            after = page[-1][0]
