"""The cache as one request sees it: nothing is asked for twice, and the first trip brings the news of people."""

from collections.abc import Mapping, Sequence

from domain.errors import Overloaded, StoreUnavailable
from domain.timeline import EntryList
from serve.reading.people import People
from storage.ports.cache import NOTHING_KNOWN, CacheStore, Known, ListKey


class RequestCache:
    """A guarded cache in one request."""

    def __init__(self, cache: CacheStore, people: People) -> None:
        self._cache = cache
        self._people = people
        self._lists_ahead: Mapping[ListKey, EntryList | None] = {}
        self._values_ahead: Mapping[str, bytes | None] = {}
        self.lists: dict[ListKey, EntryList | None] = {}
        """The lists that were asked for."""
        self.values: dict[str, bytes | None] = {}
        """The values that were asked for."""
        self.people_version: int | None = None
        """Version of what is known of people after the first trip; until then, or if it fails, they are read anew."""

    @property
    def has_news(self) -> bool:
        """True if what is known of people is up to date."""
        return self.people_version is not None

    async def look_ahead(self, lists: Known, values: Mapping[str, bytes | None]) -> bool:
        """Fetch what was asked for when all of it was this; True if it still is, False also if it cannot be had.

        It is at hand now for whoever asks.
        """
        try:
            found, fetched = await self._trip(tuple(lists), tuple(values), lists)
        except (StoreUnavailable, Overloaded):  # counted, and reported, by the cache
            return False
        self._lists_ahead = dict(zip(lists, found, strict=True))
        self._values_ahead = dict(zip(values, fetched, strict=True))
        return self._values_ahead == values and all(self._lists_ahead[key] is lists[key] for key in lists)

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str]
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        """Lists and values as of this request, those that are not at hand in one trip.

        Raises `StoreUnavailable` and `Overloaded`.
        """
        for list_key in lists:
            if list_key in self._lists_ahead:
                self.lists.setdefault(list_key, self._lists_ahead[list_key])
        for key in keys:
            if key in self._values_ahead:
                self.values.setdefault(key, self._values_ahead[key])
        new_lists = [list_key for list_key in lists if list_key not in self.lists]
        new_keys = [key for key in keys if key not in self.values]
        if new_lists or new_keys:
            found, fetched = await self._trip(new_lists, new_keys)
            self.lists.update(zip(new_lists, found, strict=True))
            self.values.update(zip(new_keys, fetched, strict=True))
        return [self.lists[list_key] for list_key in lists], [self.values[key] for key in keys]

    async def _trip(
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        if self.has_news:
            return await self._cache.fetch(lists, keys, known)
        found = await self._people.fetch(lists, keys, known)
        self.people_version = self._people.version
        return found
