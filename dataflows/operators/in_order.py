"""Events each once and in the order of time, for dataflows that are easier to write that way."""

import pickle
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import StatefulBatchLogic
from typing_extensions import override

from dataflows.sources.chunks import Chunk, chunks
from domain.events import AnyEvent
from domain.ids import time_ms
from storage.rows import MINUTE_MS


class _Piece(NamedTuple):
    """The events of a chunk that were made in one minute; `pieces` of them are the chunk."""

    chunk: int
    pieces: int
    partition: int
    partitions: int
    complete_ms: int
    events: tuple[AnyEvent, ...]


def in_order(step_id: str, flow: Dataflow, source: Source[Chunk], *, private: bool = False) -> Stream[AnyEvent]:
    """The events of a source, each once, by event id; a dataflow that declares itself `private` gets the private ones.

    An event waits until every partition has got as far, and so until `complete_ms` of all passes it; one that comes
    when that time is over goes on at once, behind events that are younger. All of them go through one worker: where
    that is too slow, and order and repeats are no matter, there is `chunks.events`.
    """
    found = chunks(step_id, flow, source, private=private)
    by_partition = op.key_on(f"{step_id}-partition", found, lambda chunk: f"{chunk.partition:02d}")
    pieces = op.key_rm(f"{step_id}-minutes", op.stateful_flat_map(f"{step_id}-pieces", by_partition, _pieces))
    once = op.key_rm(f"{step_id}-all", op.stateful_batch(f"{step_id}-once", pieces, _Once))
    together = op.key_on(f"{step_id}-together", once, lambda _: "all")
    return op.key_rm(f"{step_id}-events", op.stateful_batch(f"{step_id}-order", together, _Order))


class _Cut(NamedTuple):
    """Chunks so far, and the minute before which nothing is remembered, once there is any."""

    chunks: int = 0
    floor: int | None = None


def _pieces(state: _Cut | None, chunk: Chunk) -> tuple[_Cut, Iterable[tuple[str, _Piece | None]]]:
    """Cut a chunk by minute, and say which minutes may be forgotten."""
    state = state or _Cut()
    by_minute: dict[int, list[AnyEvent]] = defaultdict(list)
    for event in chunk.events:
        by_minute[time_ms(event.event_id) // MINUTE_MS].append(event)
    cut: list[tuple[str, _Piece | None]] = [
        (f"{chunk.partition:02d}-{minute}", _Piece(state.chunks, len(by_minute), *chunk[:3], tuple(events)))
        for minute, events in by_minute.items()
    ]
    if not cut:
        cut.append((f"{chunk.partition:02d}", _Piece(state.chunks, 1, *chunk[:3], ())))
    floor = state.floor if state.floor is not None else min(by_minute, default=None)
    if floor is None:
        return _Cut(state.chunks + 1), cut
    now = max(floor, chunk.back_to_ms // MINUTE_MS)
    over = {*range(floor, now), *(minute for minute in by_minute if minute < now)}
    cut += [(f"{chunk.partition:02d}-{minute}", None) for minute in sorted(over)]
    return _Cut(state.chunks + 1, now), cut


class _Once(StatefulBatchLogic[_Piece | None, _Piece, frozenset[int]]):
    """One minute of one partition: lets each event pass once, until the minute is forgotten."""

    def __init__(self, seen: frozenset[int] | None) -> None:
        self._seen = set(seen or ())

    @override
    def on_batch(self, values: list[_Piece | None]) -> tuple[Iterable[_Piece], bool]:
        found: list[_Piece] = []
        for piece in values:
            if piece is not None:
                fresh = {event.event_id: event for event in piece.events if event.event_id not in self._seen}
                self._seen.update(fresh)
                found.append(piece._replace(events=tuple(fresh.values())))
        return found, not self._seen or None in values

    @override
    def snapshot(self) -> frozenset[int]:
        return frozenset(self._seen)


@dataclass(slots=True)
class _Partition:
    """Progress of a partition: its chunks count one after another, each when it is whole."""

    complete_ms: int = 0
    next: int = 0
    left: dict[int, int] = field(default_factory=dict)
    """Pieces of a chunk that are still to come."""
    whole: dict[int, int] = field(default_factory=dict)
    """The `complete_ms` of chunks whose turn has not come."""

    def take(self, piece: _Piece) -> None:
        left = self.left.pop(piece.chunk, piece.pieces) - 1
        if left:
            self.left[piece.chunk] = left
        else:
            self.whole[piece.chunk] = piece.complete_ms
        while self.next in self.whole:
            self.complete_ms = max(self.complete_ms, self.whole.pop(self.next))
            self.next += 1


class _Order(StatefulBatchLogic[_Piece, AnyEvent, bytes]):
    """Holds events back until every partition has got as far."""

    def __init__(self, state: bytes | None) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._waiting: list[AnyEvent] = []
        if state is not None:
            self._partitions, self._waiting = pickle.loads(state)

    @override
    def on_batch(self, values: list[_Piece]) -> tuple[Iterable[AnyEvent], bool]:
        for piece in values:
            self._waiting += piece.events
            self._partitions.setdefault(piece.partition, _Partition()).take(piece)
        complete = len(self._partitions) == values[0].partitions
        until_ms = min(partition.complete_ms for partition in self._partitions.values()) if complete else 0
        ready = [event for event in self._waiting if time_ms(event.event_id) <= until_ms]
        if ready:
            self._waiting = [event for event in self._waiting if time_ms(event.event_id) > until_ms]
        return sorted(ready, key=lambda event: event.event_id), StatefulBatchLogic.RETAIN

    @override
    def snapshot(self) -> bytes:
        return pickle.dumps((self._partitions, self._waiting), pickle.HIGHEST_PROTOCOL)
