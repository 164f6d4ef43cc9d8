"""Recent events: those of the last minutes as Cassandra has them, and what Redis may lack of them."""

import asyncio
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from domain.clock import Clock, Sleep
from domain.columns import in_sorted
from domain.errors import PoisonedEvent
from domain.events import UnknownEvent, decode
from domain.fanout import NO_IDS
from domain.ids import EventId, Ids, UserId, first_id_at
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, Entries, entries_of
from serve.reading.refresh_ahead import spawn_background
from storage import keys
from storage.log_reader import COMMITTED_MS
from storage.own_acts import acts_of
from storage.ports.cache import ListKey
from storage.ports.events import EventStore
from storage.projections import projection_of
from storage.rows import MINUTE_MS
from telemetry import metrics

_NEVER_COUNTED = b"\xff" * 8
"""In place of when an act was noted: no count holds it for sure."""


class RecentEvent(NamedTuple):
    """Consequences of one event: an entry (author, original) if it adds one, what it makes stale, and its acts."""

    entry: tuple[int, int] | None = None
    stale: tuple[str | ListKey, ...] = ()
    acts_key: str = ""
    acts: bytes = b""


class RecentEvents:
    """The newest `recent_events_max` events, read on demand: one reading at a time, and not often."""

    def __init__(self, events: EventStore, clock: Clock, limits: Limits, partitions: int, sleep: Sleep) -> None:
        self._events = events
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._next_ms = 0
        """Monotonic time at which the next reading may begin."""
        self._read_to_ms = 0
        """Up to which wall time all that had been committed by then is known."""
        self._known: dict[int, RecentEvent] = {}
        self._authors: Ids = NO_IDS
        self._entries: Entries = NO_ENTRIES
        self.stale: frozenset[str | ListKey] = frozenset()
        """The values and lists that one of the events makes stale, which may have been dropped since."""
        self.announced: tuple[str, ...] = ()
        """Those of them that belong into the change feed."""
        self.acts: dict[str, bytes] = {}
        """Users' own acts on counts, by the key under which they are noted."""

    async def read(self, from_ms: int) -> None:
        """Know every event made from some wall time on, and committed before this was asked.

        A reading that is under way may have begun before what we must see was committed; all who ask meanwhile wait
        for the next. Raises `StoreUnavailable`.
        """
        if self._next is None or self._next.done():  # it may have been cancelled before it began
            self._next = spawn_background(self._read_next(from_ms))
        await asyncio.shield(self._next)

    def entries(self, followees: Ids, viewer: UserId, before_ms: int) -> Entries:
        """The tweets and retweets of a viewer and these followees (sorted), made before some wall time."""
        theirs = in_sorted(self._authors, followees) | (self._authors == np.uint64(viewer))
        theirs &= self._entries[:, 0] < np.uint64(first_id_at(before_ms))
        found: Entries = self._entries[theirs]
        return found

    async def _read_next(self, from_ms: int) -> None:
        async with self._turn:
            wait_ms = self._next_ms - self._clock.monotonic_ms()
            if wait_ms > 0:
                await self._sleep(wait_ms / 1000)
            self._next = None
            self._next_ms = self._clock.monotonic_ms() + self._limits.recent_events_every_ms
            await self._read(from_ms)

    async def _read(self, from_ms: int) -> None:
        now_ms = self._clock.now_ms()
        from_ms = max(from_ms, now_ms - self._limits.reconcile_trail_minutes * MINUTE_MS)
        begin_ms = max(from_ms, min(now_ms, self._read_to_ms) - COMMITTED_MS)
        found = await asyncio.gather(*(self._of(p, begin_ms, now_ms) for p in range(self._partitions)))
        self._read_to_ms = now_ms
        oldest = first_id_at(from_ms)
        new = {id_: event for part in found for id_, event in part.items()}
        if new or any(id_ < oldest for id_ in self._known):
            newest = sorted((self._known | new).items())[-self._limits.recent_events_max :]
            self._keep({id_: event for id_, event in newest if id_ >= oldest})

    async def _of(self, partition: int, begin_ms: int, now_ms: int) -> dict[int, RecentEvent]:
        """A partition's new events from some time on, whole minutes of them, the newest first if they are too many."""
        found: dict[int, RecentEvent] = {}
        limit = self._limits.log_read_max
        last = (now_ms + COMMITTED_MS) // MINUTE_MS  # clocks that are ahead of ours may have made some of the next
        for minute in range(last, begin_ms // MINUTE_MS - 1, -1):
            after, more = EventId(max(0, first_id_at(begin_ms) - 1)), True
            while more:
                page = await self._events.events_of(minute, partition, after=after, limit=limit)
                found |= {id_: _recent_event(body) for id_, body in page if id_ not in self._known}
                more = len(page) == limit
                after = page[-1][0] if more else after
            if len(found) >= self._limits.recent_events_max:
                break
        return found

    def _keep(self, known: dict[int, RecentEvent]) -> None:
        entries = [(id_, *event.entry) for id_, event in known.items() if event.entry is not None]
        acts = defaultdict[str, list[bytes]](list)
        for event in known.values():
            acts[event.acts_key].append(event.acts)
        self._known = known
        self._authors = np.array([author for _, author, _ in entries], np.uint64)
        self._entries = entries_of([(id_, original) for id_, _, original in entries])
        self.stale = frozenset(key for event in known.values() for key in event.stale)
        self.announced = tuple(key for key in self.stale if isinstance(key, str) and keys.is_announced(key))
        self.acts = {key: b"".join(each) for key, each in acts.items()}


def _recent_event(body: bytes) -> RecentEvent:
    try:
        event = decode(body)
    except PoisonedEvent:
        return RecentEvent()
    if isinstance(event, UnknownEvent):
        metrics.EVENTS_UNKNOWN.record(consumer="replica")
        return RecentEvent()
    projection = projection_of(event)
    entry = projection.entry(event)
    acts = b"".join(act + _NEVER_COUNTED for act in acts_of(event, repeated=True))
    stale = tuple(projection.invalidates(event))
    return RecentEvent(None if entry is None else (event.actor, entry.tweet), stale, keys.own_acts(event.actor), acts)
