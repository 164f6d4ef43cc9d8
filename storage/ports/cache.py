"""Entry lists and values, all rebuildable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from domain.ids import Ids, UserId
from domain.timeline import Entries, EntryList


class ListKind(StrEnum):
    """The two kinds of entry list."""

    HOME = "tl"
    AUTHOR = "ut"


class ListKey(NamedTuple):
    """A user's home timeline, or the recent tweets of an author."""

    kind: ListKind
    user: UserId


Known = Mapping[ListKey, EntryList]
"""Ready lists as they were fetched before."""
NOTHING_KNOWN: Final[Known] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Pushed:
    """Outcome of a batch of deliveries."""

    delivered: int
    """Entries added to lists that exist."""
    absent: int
    """Entries for lists that do not exist; they rebuild when they are read."""
    overfull: Ids
    """Owners of lists that have outgrown their slack."""


class Changes(NamedTuple):
    """The keys announced in the change feed after a place, oldest first, and the place of the last of them.

    It is not `unbroken` if the feed has lost what was at that place, by age or with the store: more may have been
    announced then, and `last` is where the feed ends now (`BEGINNING` if it is empty). A place is a `last` of before.
    """

    keys: tuple[str, ...]
    last: str
    unbroken: bool


class CacheStore(Protocol):
    """Entry lists and values, all rebuildable, all with a time to live.

    Filling is guarded by leases (Nishtala et al., Scaling Memcache at Facebook, 2013, 3.2.1): who finds something
    absent takes a lease, reads Cassandra and fills; a drop in between ends the lease, so the fill is not stored and
    nothing stale is resurrected. A lease that is not used ends by itself after `lease_ttl_s`.
    """

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        """Whole lists and values in one round trip; None for what is absent. A value being filled counts as absent.

        Of a list that is `known`, as it was fetched before, only what is new is read; the same object says that nothing
        is. One that was built or trimmed since costs a second trip.
        """

    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        """Lists and values as `fetch` gets them, and what was announced after a place, in the same round trip.

        After `BEGINNING` nothing is unbroken.
        """

    async def begin_list(self, key: ListKey, token: str) -> bool:
        """Create an absent list as being built; from now on it takes pushes. False if it exists."""

    async def finish_list(self, key: ListKey, token: str, built: EntryList) -> bool:
        """Add what was built and set the floor, if `token` still builds the list. Pushes since then stay."""

    async def push(self, kind: ListKind, users: Ids, entries: Entries) -> Pushed:
        """Add `entries[i]` to the list of `users[i]` if it exists; nothing happens to an absent one."""

    async def trim(self, keys: Sequence[ListKey]) -> int:
        """Cut lists that have outgrown slack to their newest entries, raising the floor. Returns how many were."""

    async def unlink(self, keys: Sequence[ListKey]) -> None:
        """Forget lists; each rebuilds when it is next read."""

    async def touch(self, keys: Sequence[ListKey]) -> None:
        """Prolong the life of lists that somebody reads."""

    async def lease(self, keys: Sequence[str], token: str) -> list[bool]:
        """Take the leases of absent values; True for each that was taken."""

    async def fill(self, values: Mapping[str, bytes], token: str, *, ttl_s: int) -> None:
        """Store values whose lease is still `token`."""

    async def put(self, values: Mapping[str, bytes], *, ttl_s: int) -> None:
        """Store values, whatever was there."""

    async def update(self, values: Mapping[str, bytes]) -> None:
        """Store values where there are any, which then live as long as those would have."""

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget values, and end the leases on them; then announce those that are (`keys.is_announced`)."""

    async def now_us(self) -> int:
        """The store's own clock, microseconds since the Unix epoch: everybody has the same one."""

    async def note(self, key: str, acts: Sequence[bytes]) -> None:
        """Put acts (`own_acts.acts_of`) before those that a value holds, stamped by the store's clock.

        An act that is there already is not noted again. The newest `own_acts_max` stay, for `cache_ttl_s` from now.
        """
