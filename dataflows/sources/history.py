"""Source of the past: events from Cassandra."""

from bisect import bisect_left
from collections import deque
from concurrent.futures import Future

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


class HistorySource(FixedPartitionedSource[Chunk, int]):
    """The events made in [from_ms, to_ms], in chunks of `step_ms`, each partition in the order of ids; then the end."""

    def __init__(self, stores: StoreThread, *, from_ms: int, to_ms: int, step_ms: int = MINUTE_MS) -> None:
        assert MINUTE_MS % step_ms == 0, "a minute is read as a whole"
        self.stores = stores
        self.from_ms = from_ms
        self.to_ms = to_ms
        self.step_ms = step_ms

    @override
    def list_parts(self) -> list[str]:
        return [f"{partition:02d}" for partition in range(self.stores.config.partitions)]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_HistoryPartition":
        return _HistoryPartition(self, int(for_part), self.from_ms if resume_state is None else resume_state)


class _HistoryPartition(StatefulSourcePartition[Chunk, int]):
    """Reads minutes ahead; its state is the wall time from which it goes on."""

    def __init__(self, source: HistorySource, partition: int, from_ms: int) -> None:
        self._source = source
        self._stores = source.stores
        self._partition = partition
        self._at_ms = from_ms
        self._next_minute = from_ms // MINUTE_MS
        self._ahead: deque[Future[list[AnyEvent]]] = deque()
        """The events of minutes, by id; the first minute is that of `_at_ms`."""

    @override
    def next_batch(self) -> list[Chunk]:
        if self._at_ms > self._source.to_ms:
            raise StopIteration
        while len(self._ahead) < MINUTES_AHEAD_MAX and self._next_minute * MINUTE_MS <= self._source.to_ms:
            self._ahead.append(self._stores.start(self._read(self._next_minute)))
            self._next_minute += 1
        return self._chunks(self._ahead.popleft().result()) if self._ahead[0].done() else []

    @override
    def snapshot(self) -> int:
        return self._at_ms

    def _chunks(self, events: list[AnyEvent]) -> list[Chunk]:
        """The rest of the minute that has come up."""
        chunks, at, partitions, step_ms = [], 0, self._stores.config.partitions, self._source.step_ms
        end_ms = min((self._at_ms // MINUTE_MS + 1) * MINUTE_MS, self._source.to_ms + 1)
        while self._at_ms < end_ms:
            until_ms = min((self._at_ms // step_ms + 1) * step_ms, end_ms)
            start, at = at, bisect_left(events, until_ms, at, key=lambda event: time_ms(event.event_id))
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
