"""The home timeline: what was pushed, what is pulled and one's own, then on through the store to the true end."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache

from domain.clock import Clock
from domain.columns import in_sorted
from domain.errors import StoreUnavailable
from domain.ids import ID_MAX, Ids, UserId
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, START, Entries, EntryList, Walk, merged, newer_duplicates, newest_first
from serve.doubts import Doubts
from serve.hydration import Hydrator, Reading, Record, ids_from
from serve.pulled import PulledAuthors
from serve.rebuild import Rebuilder
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.tweets import TweetStore
from telemetry import metrics

_DAY_MS = 86_400_000
_UNKNOWN = EntryList(NO_ENTRIES, ID_MAX)
"""A list that promises nothing: everything is read from the store."""


@dataclass(frozen=True, slots=True)
class Page:
    """What to show: entry ids newest first, the reading that has them, and where to go on (None at the end)."""

    shown: tuple[int, ...]
    reading: Reading
    next: Walk | None


class HomeTimeline:
    """Reads pages of home timelines.

    A walk of pages shows every entry that was settled before it began and stayed visible once. In the cached part a
    tweet that several entries show stands at the newest of them at or below the top of the walk.
    """

    def __init__(
        self,
        cache: CacheStore,
        tweets: TweetStore,
        hydrator: Hydrator,
        rebuilder: Rebuilder,
        pulled: PulledAuthors,
        doubts: Doubts,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._cache = cache
        self._tweets = tweets
        self._hydrator = hydrator
        self._rebuilder = rebuilder
        self._pulled = pulled
        self._doubts = doubts
        self._clock = clock
        self._limits = limits
        self._kept: LRUCache[UserId, int] = LRUCache(limits.local_entries_max)
        """The last day on which this process prolonged a reader's timeline."""

    async def page(self, viewer: UserId, walk: Walk, limit: int) -> Page:
        """The next `limit` entries of a walk."""
        reading = await self._hydrator.reading(viewer)
        followees, cached = await self._cached_part(viewer, walk.top)
        assert cached.floor is not None
        shown: list[int] = []
        duplicates = newer_duplicates(cached.entries)
        left = cached.entries[cached.entries[:, 0] < np.uint64(walk.last)]
        while len(shown) <= limit and len(left):
            chunk, left = left[: limit + 1 - len(shown)], left[limit + 1 - len(shown) :]
            above = {entry: duplicates[entry] for entry in chunk[:, 0].tolist() if entry in duplicates}
            records = await reading.read([*chunk[:, 0].tolist(), *(r for rs in above.values() for r in rs)])
            authors = _authors_read(records, followees, viewer)
            for entry in chunk[:, 0].tolist():
                hidden = any(_visible(rival, records, authors) for rival in above.get(entry, ()))
                if not hidden and _visible(entry, records, authors):
                    shown.append(entry)
        if len(shown) <= limit and cached.floor > 0:
            before = min(walk.last, cached.floor + 1)
            await self._from_store(frozenset((*followees.tolist(), viewer)), before, limit, shown, reading)
        more = len(shown) > limit
        shown = shown[:limit]
        top = shown[0] if walk == START and shown else walk.top
        return Page(tuple(shown), reading, Walk(top, shown[-1]) if more else None)

    async def _cached_part(self, viewer: UserId, top: int) -> tuple[Ids, EntryList]:
        """Whom the viewer follows, and the entries at or below `top` that need no store, newest first."""
        home_key, own_key = ListKey(ListKind.HOME, viewer), ListKey(ListKind.AUTHOR, viewer)
        following = self._hydrator.following
        try:
            (home, own), (packed,) = await self._cache.fetch((home_key, own_key), (following.key(viewer),))
        except StoreUnavailable:
            await self._doubts.rise()
            return await self._hydrator.followees(viewer), _UNKNOWN
        if home is None or home.floor is None or self._doubts.about(home_key):
            metrics.CACHE.record(kind="timeline", outcome="miss")
            followees, home = await self._rebuilder.home(viewer, lambda: self._hydrator.followees(viewer))
        else:
            metrics.CACHE.record(kind="timeline", outcome="hit")
            followees = ids_from((await following.complete({viewer: packed}))[viewer])
            await self._keep(home_key)
        metrics.TIMELINE_ENTRIES.record(len(home.entries))
        (own,) = await self._rebuilder.recents([viewer], [own])
        pulled = await self._pulled_parts(followees)
        return followees, merged([home, own, self._doubts.added(followees, viewer), *pulled], top)

    async def _keep(self, key: ListKey) -> None:
        """Let a timeline that is read live on; once a day is enough for one that lives for a month."""
        today = self._clock.now_ms() // _DAY_MS
        if self._kept.get(key.user) != today:
            self._kept[key.user] = today
            with suppress(StoreUnavailable):  # counted by the adapter; without it the timeline is rebuilt some day
                await self._cache.touch((key,))

    async def _pulled_parts(self, followees: Ids) -> list[EntryList]:
        pulled = [UserId(author) for author in (await self._pulled.current()).among(followees).tolist()]
        if not pulled:
            return []
        metrics.EDGES.record(edge="pull")
        try:
            found, _ = await self._cache.fetch([ListKey(ListKind.AUTHOR, author) for author in pulled], ())
        except StoreUnavailable:
            await self._doubts.rise()
            return [_UNKNOWN]
        return await self._rebuilder.recents(pulled, found)

    async def _from_store(
        self, everyone: frozenset[int], before: int, limit: int, shown: list[int], reading: Reading
    ) -> None:
        """Go on below the cached part: merge what the authors wrote, until the page is full or the end is reached."""
        metrics.EDGES.record(edge="seam")
        sources = [UserId(author) for author in everyone]
        want = limit + 1 - len(shown)
        while len(shown) <= limit:
            entries, sources = await self._newest_before(sources, before, want)
            if not len(entries):
                return
            before = int(entries[-1, 0])
            records = await reading.read(entries[:, 0].tolist())
            visible = (entry for entry in entries[:, 0].tolist() if _visible(entry, records, everyone))
            shown.extend(list(visible)[: limit + 1 - len(shown)])
            want = min(want * 2, self._limits.continuation_entries_max)

    async def _newest_before(self, sources: Sequence[UserId], before: int, want: int) -> tuple[Entries, list[UserId]]:
        """The newest `want` entries of all sources below an id, and the sources that may have more."""
        gate = asyncio.Semaphore(64)

        async def read(author: UserId) -> Entries:
            async with gate:
                return await self._tweets.entries_by_author(author, before=before, limit=want)

        parts = await asyncio.gather(*map(read, sources))
        if not parts:
            return NO_ENTRIES, []
        entries = newest_first(np.concatenate(parts))[:want]
        lowest = entries[-1, 0] if len(entries) else 0
        remaining = [
            source
            for source, part in zip(sources, parts, strict=True)
            if len(part) == want or (len(part) and part[-1, 0] < lowest)
        ]
        return entries, remaining


def _authors_read(records: dict[int, Record], followees: Ids, viewer: UserId) -> frozenset[int]:
    """Whom of these tweets' authors the viewer reads; a page has few, and some follow thousands."""
    authors = np.fromiter({record.author for record in records.values()}, np.uint64)
    return frozenset((*authors[in_sorted(authors, followees)].tolist(), viewer))


def _visible(entry: int, records: dict[int, Record], authors: frozenset[int]) -> bool:
    """Whether a reader of these authors sees an entry: it and its original exist, and it is by one of them."""
    record = records.get(entry)
    return record is not None and record.author in authors and record.original in records
