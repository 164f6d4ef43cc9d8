"""Hydrates users for one request: profiles, counts, and how they and the reader are related."""

from collections.abc import Iterable, Mapping, Sequence

from domain.counts import UserCounts
from domain.ids import UserId
from domain.relations import FOLLOW
from serve.reading.counts import Counts
from serve.reading.people import People
from storage import keys
from storage.cache_codec import Profile, profile_from
from storage.ports.cache import CacheStore
from storage.ports.relations import RelationStore
from storage.read_through import fetch_from, multi_get


class UserReader:
    """Reads users for one request, with their counts in the same trip."""

    def __init__(
        self,
        viewer: UserId | None,
        cache: CacheStore,
        people: People,
        counts: Counts[UserCounts],
        relations: RelationStore,
    ) -> None:
        self.users: dict[int, Profile] = {}
        """The users found so far."""
        self._viewer = viewer
        self._viewers = () if viewer is None else (viewer,)
        self._cache = cache
        self._people = people
        self._all_counts = counts
        self._relations = relations
        self._counts: dict[int, bytes | None] = {}
        self._noted: dict[int, bytes | None] = {}

    async def read(self, ids: Iterable[int]) -> Mapping[int, Profile]:
        """Look up those of some users that were not yet; all found so far."""
        wanted = [id_ for id_ in ids if id_ not in self._counts]
        users, counts, noted = await multi_get(
            fetch_from(self._cache),
            (self._people.values.key, wanted),
            (self._all_counts.shared.key, wanted),
            (keys.own_acts, self._viewers if wanted else ()),
        )
        self._counts |= counts
        self._noted |= noted
        values = await self._people.values.fill_missing(users)
        self.users |= {id_: profile_from(value) for id_, value in values.items() if value}
        return self.users

    async def counts(self, ids: Iterable[int]) -> dict[int, UserCounts]:
        """The counts of some users that were read."""
        cached = {id_: self._counts[id_] for id_ in ids}
        return await self._all_counts.of(cached, self._noted.get(self._viewer or 0), self._viewer)

    async def relations(self, ids: Sequence[int]) -> list[tuple[bool, bool]]:
        """Pairs that say if the reader follows each of some users, and if they follow the reader."""
        if self._viewer is None:
            return [(False, False)] * len(ids)
        viewer, users = self._viewer, [UserId(id_) for id_ in ids]
        pairs = [*((viewer, user) for user in users), *((user, viewer) for user in users)]
        follows = [state.active for state in await self._relations.states(FOLLOW, pairs)]
        return list(zip(follows[: len(users)], follows[len(users) :], strict=True))
