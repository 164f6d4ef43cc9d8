"""`CacheStore` behind the staleness guard: what Redis may hold too old is absent, what it may lack is there."""

from collections.abc import Sequence

from domain.errors import StoreUnavailable
from domain.timeline import EntryList
from serve.reading.staleness import StalenessGuard
from storage.ports.cache import NOTHING_KNOWN, CacheStore, Changes, Known, ListKey


class GuardedCache:
    """Decorates a `CacheStore`. A fetch that fails is reported before it raises: then Cassandra may be believed.

    Entries that a home timeline lacks are not added here: they depend on whom its reader follows.
    """

    def __init__(self, cache: CacheStore, guard: StalenessGuard) -> None:
        self._cache = cache
        self._guard = guard
        self.begin_list = cache.begin_list
        self.finish_list = cache.finish_list
        self.push = cache.push
        self.trim = cache.trim
        self.unlink = cache.unlink
        self.touch = cache.touch
        self.lease = cache.lease
        self.fill = cache.fill
        self.put = cache.put
        self.update = cache.update
        self.drop = cache.drop
        self.now_us = cache.now_us
        self.note = cache.note

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        try:
            found, values = await self._cache.fetch(lists, keys, known)
        except StoreUnavailable:
            await self._guard.report_failure()
            raise
        if not self._guard.active:
            return found, values
        return self._fresh(lists, found), self._corrected(keys, values)

    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        try:
            found, values, changes = await self._cache.fetch_with_changes(lists, keys, after, known)
        except StoreUnavailable:
            await self._guard.report_failure()
            raise
        if not self._guard.active:
            return found, values, changes
        changed = (*changes.keys, *self._guard.missing_changes())
        return self._fresh(lists, found), self._corrected(keys, values), changes._replace(keys=changed)

    def _fresh(self, lists: Sequence[ListKey], found: Sequence[EntryList | None]) -> list[EntryList | None]:
        return [None if self._guard.is_stale(key) else each for key, each in zip(lists, found, strict=True)]

    def _corrected(self, keys: Sequence[str], values: Sequence[bytes | None]) -> list[bytes | None]:
        return [self._value(key, value) for key, value in zip(keys, values, strict=True)]

    def _value(self, key: str, value: bytes | None) -> bytes | None:
        if self._guard.is_stale(key):
            return None
        missing = self._guard.missing_acts(key)
        return missing + (value or b"") if missing else value
