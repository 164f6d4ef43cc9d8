"""First pages of home timelines, remembered with what they were made of (decision 0046).

A page is a function of what was fetched for it. If all of that is fetched again and is the same, so is the page: it is
not made again. Else what was fetched is at hand already, and of the lists only what is new was.
"""

from contextlib import suppress
from typing import NamedTuple

from cachetools import LRUCache

from domain.clock import Clock
from domain.ids import UserId
from domain.limits import Limits
from serve.reading.request_cache import RequestCache
from serve.reading.tweet_reader import TweetReader
from serve.timelines.home_lists import HomeList, HomeLists
from storage.ports.cache import Known

_ELEMENT_BYTES = 100
"""Memory of a value and its key beside their contents, or more."""


class _Made(NamedTuple):
    """A page, and what it was made of."""

    page: bytes
    lists: Known
    values: dict[str, bytes | None]
    people_version: int
    found: HomeList
    end_ms: int
    """Up to this wall time the reader sees the same of what it was made of."""

    def size(self) -> int:
        """Bytes of memory, about."""
        lists = sum(each.entries.nbytes for each in (*self.lists.values(), self.found.entries))
        values = sum(map(len, filter(None, self.values.values())))
        return len(self.page) + lists + values + _ELEMENT_BYTES * len(self.values)


class HomePages:
    """Remembers the pages that were read lately, by reader and size."""

    def __init__(self, lists: HomeLists, clock: Clock, limits: Limits) -> None:
        self._lists = lists
        self._now_ms = clock.now_ms
        self._made: LRUCache[tuple[UserId, int], _Made] = LRUCache(limits.home_pages_bytes_max, _Made.size)

    async def again(self, viewer: UserId, limit: int, cache: RequestCache) -> bytes | None:
        """The page as it was, None if it is to be made anew; the cache has then been asked for what it was made of."""
        made = self._made.get((viewer, limit))
        if made is None or not await cache.look_ahead(made.lists, made.values):
            return None
        if cache.people_version != made.people_version or self._now_ms() >= made.end_ms:
            return None
        if not await self._lists.is_still(viewer, made.found):
            return None
        return made.page

    def keep(self, reader: TweetReader, limit: int, found: HomeList, page: bytes) -> None:
        """Remember a page made of what the cache has; not if that had to be filled first, or may lack anything."""
        cache = reader.cache
        assert reader.viewer is not None, "somebody's home"
        lists = {key: each for key, each in cache.lists.items() if each is not None and each.build}
        if len(lists) < len(cache.lists) or found.pulled is None or cache.people_version is None:
            return
        made = _Made(page, lists, dict(cache.values), cache.people_version, found, reader.end_ms)
        with suppress(ValueError):  # it is larger than all that may be kept
            self._made[reader.viewer, limit] = made
