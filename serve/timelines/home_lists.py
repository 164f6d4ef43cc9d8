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

    async def read(self, viewer: UserId, top: int) -> HomeList:
        """The list of a reader, of entries at or below `top`."""
        home_key, own_key = ListKey(ListKind.HOME, viewer), ListKey(ListKind.AUTHOR, viewer)
        following = self._relations.following
        try:
            (home, own), (packed,) = await self._cache.fetch((home_key, own_key), (following.key(viewer),))
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
        pulled = await self._pulled_lists(followees)
        missing = self._missing_entries(followees, viewer)
        return HomeList(followees, merged([home, own, missing, *pulled], top))

    async def _prolong(self, key: ListKey) -> None:
        """Let a timeline that is read live on; once a day is enough for one that lives for a month."""
        today = self._clock.now_ms() // _DAY_MS
        if self._touched.get(key.user) != today:
            self._touched[key.user] = today
            with suppress(StoreUnavailable):  # counted by the adapter; without it the timeline is rebuilt some day
                await self._cache.touch((key,))

    async def _pulled_lists(self, followees: Ids) -> list[EntryList]:
        pulled = [UserId(author) for author in (await self._pulled.current()).among(followees).tolist()]
        if not pulled:
            return []
        metrics.SAFEGUARDS.record(safeguard="pull")
        try:
            found, _ = await self._cache.fetch([ListKey(ListKind.AUTHOR, author) for author in pulled], ())
        except StoreUnavailable:
            return [_UNKNOWN]
        return await self._rebuilder.author_timelines(pulled, found)


def pulled_authors(coordination: CoordinationStore, clock: Clock, limits: Limits) -> RefreshAhead[Pulled]:
    """The pulled set, never older than half the grace period; `StoreUnavailable` if it cannot be known so well.

    A set older than `pulled_refresh_ms` is read again; readers wait for that only when the old one may be wrong,
    which is when an author who crossed the threshold since might no longer be pushed.
    """

    async def read() -> Pulled:
        return Pulled(await coordination.pulled(), limits.pulled_grace_ms)

    return RefreshAhead(read, clock, refresh_ms=limits.pulled_refresh_ms, stale_ms=limits.pulled_grace_ms // 2)
