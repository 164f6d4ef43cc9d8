"""The events of the last minutes, as the store has them: what they add to timelines, and what they make stale."""

import asyncio
from typing import NamedTuple

import numpy as np

from domain.clock import Clock, Sleep
from domain.columns import in_sorted
from domain.errors import PoisonedEvent
from domain.events import decode
from domain.fanout import NO_IDS
from domain.ids import EventId, Ids, UserId, first_id_at
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, Entries, entries_of
from serve.refreshed import beside
from storage.log_reader import COMMITTED_MS
from storage.own_acts import OwnCount, own_counts_of
from storage.ports.cache import ListKey
from storage.ports.events import EventStore
from storage.projections import projection_of
from storage.rows import MINUTE_MS


class _Told(NamedTuple):
    """What one event says: an entry (author, original), None if it is not about one, and what it made stale."""

    entry: tuple[int, int] | None = None
    stale: tuple[str | ListKey | OwnCount, ...] = ()


class Tail:
    """The newest events, `tail_events_max` at most, read when somebody asks: one reading at a time, and not often."""

    def __init__(self, events: EventStore, clock: Clock, limits: Limits, partitions: int, sleep: Sleep) -> None:
        self._events = events
        self._clock = clock
        self._limits = limits
        self._partitions = partitions
        self._sleep = sleep
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._next_ms = 0
        """When the next reading may begin (monotonic)."""
        self._read_to_ms = 0
        """Up to which wall time all that had been committed by then is known."""
        self._told: dict[int, _Told] = {}
        self._stale: frozenset[str | ListKey | OwnCount] = frozenset()
        self._authors: Ids = NO_IDS
        self._entries: Entries = NO_ENTRIES

    async def read(self, from_ms: int) -> None:
        """Know every event made from some wall time on, and committed before this was asked.

        A reading that is under way may have begun before what we must see was committed; all who ask meanwhile wait
        for the next. Raises `StoreUnavailable`.
        """
        if self._next is None or self._next.done():  # it may have been cancelled before it began
            self._next = beside(self._read_next(from_ms))
        await asyncio.shield(self._next)

    def entries(self, followees: Ids, viewer: UserId, before_ms: int) -> Entries:
        """What a viewer and these followees (sorted) tweeted and retweeted before some wall time."""
        theirs = in_sorted(self._authors, followees) | (self._authors == np.uint64(viewer))
        theirs &= self._entries[:, 0] < np.uint64(first_id_at(before_ms))
        found: Entries = self._entries[theirs]
        return found

    def makes_stale(self, kept: str | ListKey | OwnCount) -> bool:
        """Whether one of the events makes this value, list or own count stale, which may have been forgotten since."""
        return kept in self._stale

    async def _read_next(self, from_ms: int) -> None:
        async with self._turn:
            wait_ms = self._next_ms - self._clock.monotonic_ms()
            if wait_ms > 0:
                await self._sleep(wait_ms / 1000)
            self._next = None
            self._next_ms = self._clock.monotonic_ms() + self._limits.tail_every_ms
            await self._read(from_ms)

    async def _read(self, from_ms: int) -> None:
        now_ms = self._clock.now_ms()
        from_ms = max(from_ms, now_ms - self._limits.reconcile_trail_minutes * MINUTE_MS)
        begin_ms = max(from_ms, min(now_ms, self._read_to_ms) - COMMITTED_MS)
        found = await asyncio.gather(*(self._of(p, begin_ms, now_ms) for p in range(self._partitions)))
        self._read_to_ms = now_ms
        oldest = first_id_at(from_ms)
        new = {id_: what for part in found for id_, what in part.items()}
        if new or any(id_ < oldest for id_ in self._told):
            told = sorted((self._told | new).items())[-self._limits.tail_events_max :]
            self._keep({id_: what for id_, what in told if id_ >= oldest})

    async def _of(self, partition: int, begin_ms: int, now_ms: int) -> dict[int, _Told]:
        """A partition's new events from some time on, whole minutes of them, the newest first if they are too many."""
        found: dict[int, _Told] = {}
        limit = self._limits.log_read_max
        last = (now_ms + COMMITTED_MS) // MINUTE_MS  # clocks that are ahead of ours may have made some of the next
        for minute in range(last, begin_ms // MINUTE_MS - 1, -1):
            after, more = EventId(max(0, first_id_at(begin_ms) - 1)), True
            while more:
                page = await self._events.events_of(minute, partition, after=after, limit=limit)
                found |= {id_: _told(body) for id_, body in page if id_ not in self._told}
                more = len(page) == limit
                after = page[-1][0] if more else after
            if len(found) >= self._limits.tail_events_max:
                break
        return found

    def _keep(self, told: dict[int, _Told]) -> None:
        entries = [(id_, *what.entry) for id_, what in told.items() if what.entry is not None]
        self._told = told
        self._stale = frozenset(kept for what in told.values() for kept in what.stale)
        self._authors = np.array([author for _, author, _ in entries], np.uint64)
        self._entries = entries_of([(id_, original) for id_, _, original in entries])


def _told(body: bytes) -> _Told:
    try:
        event = decode(body)
    except PoisonedEvent:
        return _Told()
    projection = projection_of(event)
    entry = projection.entry(event)
    stale = (*projection.invalidates(event), *own_counts_of(event))
    return _Told(None if entry is None else (event.actor, entry.tweet), stale)
