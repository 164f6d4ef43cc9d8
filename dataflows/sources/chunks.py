"""Chunks, which sources hand to a dataflow: events of one log partition, and how far they go."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source

from domain.errors import PoisonedEvent
from domain.events import AnyEvent, UnknownEvent, decode
from domain.public_events import is_public
from telemetry import metrics


class Chunk(NamedTuple):
    """Some events of one of `partitions` partitions, in the order in which they were read.

    `complete_ms`: what was made up to this wall time in this partition has been handed out. `behind`: while a source
    catches up in Cassandra; then `complete_ms` may go back. `back_to_ms`: nothing that was made before it comes a
    second time.
    """

    partition: int
    partitions: int
    complete_ms: int
    events: tuple[AnyEvent, ...]
    behind: bool = False
    back_to_ms: int = 0


def decoded(bodies: Iterable[bytes]) -> Iterator[AnyEvent]:
    """Decode events, less those of unknown kinds and the poisoned, which the fan-out shards keep as dead letters."""
    for body in bodies:
        with suppress(PoisonedEvent):
            event = decode(body)
            if isinstance(event, UnknownEvent):
                metrics.EVENTS_UNKNOWN.record(consumer="dataflows")
            else:
                yield event


def chunks(step_id: str, flow: Dataflow, source: Source[Chunk], *, private: bool) -> Stream[Chunk]:
    """The chunks of a source, without the events of which not everybody may know unless the dataflow is `private`."""
    found = op.input(step_id, flow, source)
    return found if private else op.map(f"{step_id}-public", found, _public)


def events(step_id: str, flow: Dataflow, source: Source[Chunk], *, private: bool = False) -> Stream[AnyEvent]:
    """The events of a source, each at least once, for dataflows that need no watermark; `private` as in `chunks`."""
    return op.flat_map(f"{step_id}-events", chunks(step_id, flow, source, private=private), lambda chunk: chunk.events)


def _public(chunk: Chunk) -> Chunk:
    return chunk._replace(events=tuple(filter(is_public, chunk.events)))
