"""Rebuilds of absent entry lists from Cassandra: author timelines and home timelines.

Both follow one protocol (design: a list is a hint with a floor). Who meets an absent list creates it as *being built*,
so that it takes pushes from then on; then reads Cassandra; then sets the floor, unless somebody unlinked the list in
between. A tweet committed before Cassandra was read is found there, one committed later is pushed to the list.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

import numpy as np

from domain.errors import StoreUnavailable
from domain.ids import ID_MAX, Ids, UserId
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, Entries, EntryList, cut
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.tweets import TweetStore
from telemetry import metrics

_READS_AT_ONCE = 64
"""Authors read from the store side by side by one rebuild."""


class Rebuilder:
    """Builds lists on demand. While the cache (a guarded one) is down it still builds, and keeps nothing."""

    def __init__(self, cache: CacheStore, tweets: TweetStore, limits: Limits) -> None:
        self._cache = cache
        self._tweets = tweets
        self._limits = limits

    async def home(self, user: UserId, followees: Callable[[], Awaitable[Ids]]) -> tuple[Ids, EntryList]:
        """Build a home timeline, and return it with the followees; kept, unless somebody else builds or unlinks it.

        `followees` is asked only when the list takes pushes and unlinks: a follow that it misses ends this building.
        """
        key = ListKey(ListKind.HOME, user)
        token = await self._begin(key)
        authors = await followees()
        built = await self._newest_of([UserId(author) for author in authors.tolist()])
        kept = token and await self._finish(key, token, built)
        if kept is not None:
            metrics.SAFEGUARDS.record(safeguard="rebuild" if kept else "rebuild_race")
        return authors, built

    async def author_timelines(self, authors: Sequence[UserId], found: Sequence[EntryList | None]) -> list[EntryList]:
        """The recent tweets of some authors, each that was not found (or is being built) built from the store."""
        missing = [author for author, part in zip(authors, found, strict=True) if part is None or part.floor is None]
        for outcome, count in (("hit", len(authors) - len(missing)), ("miss", len(missing))):
            if count:
                metrics.CACHE.record(count, kind="author_timeline", outcome=outcome)
        gate = asyncio.Semaphore(_READS_AT_ONCE)

        async def build(author: UserId) -> EntryList:
            async with gate:
                return await self._build_author_timeline(author)

        built = dict(zip(missing, await asyncio.gather(*map(build, missing)), strict=True))
        return [
            part if author not in built and part else built[author] for author, part in zip(authors, found, strict=True)
        ]

    async def _newest_of(self, authors: Sequence[UserId]) -> EntryList:
        """The newest entries of several authors: enough for a whole timeline, and complete above their floor."""
        entries_max = self._limits.timeline_entries_max
        try:
            found, _ = await self._cache.fetch([ListKey(ListKind.AUTHOR, author) for author in authors], ())
        except StoreUnavailable:
            found = [None] * len(authors)
        parts = await self.author_timelines(authors, found)
        while True:
            together = np.concatenate([part.entries for part in parts]) if parts else NO_ENTRIES
            newest = cut(together, 0, entries_max)
            short = [at for at, part in enumerate(parts) if _floor(part) > _floor(newest)]
            if not short:
                return newest
            deeper = await asyncio.gather(*(self._deepened(authors[at], parts[at]) for at in short))
            for at, part in zip(short, deeper, strict=True):
                parts[at] = part

    async def _deepened(self, author: UserId, part: EntryList) -> EntryList:
        """A list that goes on below its floor by as many entries as a timeline holds."""
        limit = self._limits.timeline_entries_max
        more = await self._tweets.entries_by_author(author, before=_floor(part) + 1, limit=limit)
        return EntryList(np.concatenate([part.entries, more]), _floor_of(more, limit))

    async def _build_author_timeline(self, author: UserId) -> EntryList:
        key, limit = ListKey(ListKind.AUTHOR, author), self._limits.author_entries_max
        token = await self._begin(key)
        entries = await self._tweets.entries_by_author(author, before=ID_MAX, limit=limit)
        built = EntryList(entries, _floor_of(entries, limit))
        if token:
            await self._finish(key, token, built)
        return built

    async def _begin(self, key: ListKey) -> str | None:
        """Begin a list: the token to finish with, empty if somebody else builds it, None if the cache is down."""
        token = secrets.token_hex(8)
        try:
            return token if await self._cache.begin_list(key, token) else ""
        except StoreUnavailable:
            return None

    async def _finish(self, key: ListKey, token: str, built: EntryList) -> bool | None:
        """Finish a list; False if it is not kept, None if the cache is down."""
        try:
            return await self._cache.finish_list(key, token, built)
        except StoreUnavailable:
            return None


def _floor(part: EntryList) -> int:
    assert part.floor is not None, "a list under construction promises nothing"
    return part.floor


def _floor_of(entries: Entries, limit: int) -> int:
    """The (exclusive) floor of what a store returned when asked for `limit` entries, newest first."""
    return int(entries[-1, 0]) - 1 if len(entries) == limit else 0
