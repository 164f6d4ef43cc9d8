"""Home timelines as far as they need no walk through Cassandra: what was pushed, what is pulled, and one's own."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from cachetools import LRUCache

from domain.clock import Clock
from domain.errors import StoreUnavailable
from domain.fanout import Pulled
from domain.ids import ID_MAX, Ids, UserId
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, EntryList, merged
from serve.reading.refresh_ahead import RefreshAhead
from serve.reading.request_cache import RequestCache
from serve.reading.viewer import ViewerRelations
from serve.timelines.rebuild import Rebuilder
from storage.cache_codec import ids_from
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.coordination import CoordinationStore
from telemetry import metrics

_DAY_MS = 86_400_000
_UNKNOWN = EntryList(NO_ENTRIES, ID_MAX)
"""A list that promises nothing: everything is read from Cassandra."""


class HomeList(NamedTuple):
    """A reader's followees (sorted), and their entries, newest first and complete above the floor."""

    followees: Ids
    entries: EntryList
    pulled: Pulled | None = None
    """The pulled authors of whom it knew; None if it came from elsewhere than the cache."""


class HomeLists:
    """Reads home timelines from the cache, a guarded one, with the entries that it may be missing."""

    def __init__(
        self,
        cache: CacheStore,
        relations: ViewerRelations,
        rebuilder: Rebuilder,
        pulled: RefreshAhead[Pulled],
        missing_entries: Callable[[Ids, UserId], EntryList],
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._cache = cache
        self._relations = relations
        self._rebuilder = rebuilder
        self._pulled = pulled
        self._missing_entries = missing_entries
        self._clock = clock
        self._touched: LRUCache[UserId, int] = LRUCache(limits.local_entries_max)
        """The last day on which this process prolonged a reader's timeline."""

    async def is_still(self, viewer: UserId, found: HomeList) -> bool:
        """True if a list that was read before would be read again, of the same cached lists and followees."""
        pulled, missing = await self._pulled.current(), self._missing_entries(found.followees, viewer)
        if found.pulled is not pulled or len(missing.entries):
            return False
        metrics.CACHE.record(kind="timeline", outcome="hit")
        metrics.TIMELINE_ENTRIES.record(len(found.entries.entries))
        await self._prolong(ListKey(ListKind.HOME, viewer))
        return True

    async def read(self, viewer: UserId, top: int, cache: RequestCache) -> HomeList:
        """The list of a reader, of entries at or below `top`."""
        home_key, own_key = ListKey(ListKind.HOME, viewer), ListKey(ListKind.AUTHOR, viewer)
        following = self._relations.following
        try:
            (home, own), (packed,) = await cache.fetch((home_key, own_key), (following.key(viewer),))
        except StoreUnavailable:
            return HomeList(await self._relations.followees(viewer), _UNKNOWN)
        if home is None or home.floor is None:
            metrics.CACHE.record(kind="timeline", outcome="miss")
            followees, home = await self._rebuilder.home(viewer, lambda: self._relations.followees(viewer))
        else:
            metrics.CACHE.record(kind="timeline", outcome="hit")
            followees = ids_from((await following.fill_missing({viewer: packed}))[viewer])
            await self._prolong(home_key)
        metrics.TIMELINE_ENTRIES.record(len(home.entries))
        (own,) = await self._rebuilder.author_timelines([viewer], [own])
        pulled = await self._pulled.current()
        pulled_lists = await self._pulled_lists(pulled.among(followees), cache)
        missing = self._missing_entries(followees, viewer)
        entries = merged([home, own, missing, *pulled_lists], top)
        return HomeList(followees, entries, None if packed is None or len(missing.entries) else pulled)

    async def _prolong(self, key: ListKey) -> None:
        """Let a timeline that is read live on; once a day is enough for one that lives for a month."""
        today = self._clock.now_ms() // _DAY_MS
        if self._touched.get(key.user) != today:
            self._touched[key.user] = today
            with suppress(StoreUnavailable):  # counted by the adapter; without it the timeline is rebuilt some day
                await self._cache.touch((key,))

    async def _pulled_lists(self, pulled: Ids, cache: RequestCache) -> list[EntryList]:
        if not len(pulled):
            return []
        metrics.SAFEGUARDS.record(safeguard="pull")
        authors = [UserId(author) for author in pulled.tolist()]
        try:
            found, _ = await cache.fetch([ListKey(ListKind.AUTHOR, author) for author in authors], ())
        except StoreUnavailable:
            return [_UNKNOWN]
        return await self._rebuilder.author_timelines(authors, found)


def pulled_authors(coordination: CoordinationStore, clock: Clock, limits: Limits) -> RefreshAhead[Pulled]:
    """The pulled set, never older than half the grace period; `StoreUnavailable` if it cannot be known so well.

    While nothing changes it is the same object.

    A set older than `pulled_refresh_ms` is read again; readers wait for that only when the old one may be wrong,
    which is when an author who crossed the threshold since might no longer be pushed.
    """
    known = Pulled({}, limits.pulled_grace_ms)

    async def read() -> Pulled:
        nonlocal known
        if (since_ms := await coordination.pulled()) != known.since_ms:
            known = Pulled(since_ms, limits.pulled_grace_ms)
        return known

    return RefreshAhead(read, clock, refresh_ms=limits.pulled_refresh_ms, stale_ms=limits.pulled_grace_ms // 2)
