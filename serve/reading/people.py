"""People: authors and profiles joined at read, from memory that a change feed keeps strictly fresh (decision 0036)."""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from domain.errors import NotFound, Overloaded, StoreUnavailable
from domain.ids import UserId
from domain.limits import Limits
from domain.timeline import EntryList
from storage import keys
from storage.cache_codec import Person, person_from, person_value
from storage.ports.cache import NOTHING_KNOWN, CacheStore, Changes, Known, ListKey
from storage.ports.log import BEGINNING
from storage.ports.users import UserStore
from storage.read_through import ReadThrough

_NOBODY = 0
"""A user that does not exist, announced so that an empty feed has an entry."""


class People:
    """The people that this process has read lately.

    Whoever publishes an event about a user drops the key, which announces it, before answering. Every request reads
    what was announced since the last one, in a trip that it makes anyway, before it believes anything here.
    """

    def __init__(self, cache: CacheStore, users: UserStore, limits: Limits) -> None:
        self._cache = cache
        self._users = users
        self._kept: dict[int, Person] = {}
        self._kept_max = limits.local_entries_max
        self._offset = BEGINNING
        """The last entry of the change feed that was taken into account."""
        self.version = 0
        """Raised with each change: what was fetched meanwhile may be older, and is not kept."""
        self.values = ReadThrough(cache, limits, kind="user", key=keys.user, load=self._load, keeps_absent=False)

    async def known(self, ids: Iterable[int], *, believed: bool = True) -> dict[int, Person]:
        """People as of the changes learned last, read anew if these are not `believed`; the absent are left out."""
        wanted = list(dict.fromkeys(ids))
        found = {id_: kept for id_ in wanted if (kept := self._kept.get(id_)) is not None} if believed else {}
        if missing := [id_ for id_ in wanted if id_ not in found]:
            version = self.version
            values = await self.values.get(missing)
            read = {id_: person_from(value) for id_, value in values.items() if value}
            if version == self.version:
                self._keep(read)
            found |= read
        return found

    async def latest(self, user: UserId) -> Person | None:
        """A user as of now."""
        believed = False
        with suppress(StoreUnavailable, Overloaded):  # counted, and reported, by the cache
            await self.fetch((), ())
            believed = True
        return (await self.known((user,), believed=believed)).get(user)

    async def check(self, user: UserId) -> None:
        """Raise `NotFound` for a user who does not exist."""
        if user not in await self.known((user,)):
            raise no_user()

    async def fetch(
        self, lists: Sequence[ListKey], cached: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        """Lists and values of the cache, after which what is known here is up to date."""
        after = self._offset
        found, values, changes = await self._cache.fetch_with_changes(lists, cached, after, known)
        self._learn(after, changes)
        if changes.last == BEGINNING:
            with suppress(StoreUnavailable, Overloaded):  # until the feed has an entry, nothing is kept for long
                await self._cache.drop((keys.user(_NOBODY),))
        return found, values

    def _keep(self, read: dict[int, Person]) -> None:
        """Keep people, and forget those who were read first: cheaper to look up than what was used last."""
        self._kept |= read
        while len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]

    def _learn(self, after: str, changes: Changes) -> None:
        if not changes.unbroken:
            self.version += 1
            self._kept.clear()
        elif changes.keys:
            self.version += 1
            for key in changes.keys:
                self._kept.pop(keys.user_of(key), None)
        if after == self._offset:  # else another request has learned more, or will
            self._offset = changes.last

    async def _load(self, ids: list[int]) -> dict[int, bytes]:
        found = await self._users.users([UserId(id_) for id_ in ids])
        return {int(id_): person_value(user) for id_, user in found.items()}


def no_user() -> NotFound:
    """The refusal of a user who does not exist, or of whom the reader may not know."""
    return NotFound("This user does not exist.", "not_found")
