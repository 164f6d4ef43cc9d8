"""Hydrates users for one request: profiles, counts, how they and the reader are related, and the reader's lens."""

from collections.abc import Iterable, Mapping, Sequence

from domain.counts import UserCounts
from domain.errors import NotFound
from domain.ids import UserId
from domain.relations import FOLLOW
from domain.visibility import Lens
from serve.reading.counts import Counts
from serve.reading.people import People
from serve.reading.views import RequestLens, Views
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
        views: Views,
    ) -> None:
        self.users: dict[int, Profile] = {}
        """The users found so far."""
        self._viewer = viewer
        self._viewers = () if viewer is None else (viewer,)
        self._cache = cache
        self._people = people
        self._all_counts = counts
        self._relations = relations
        self._views = views
        self._lens = RequestLens(viewer, views, fetch_from(cache))
        self._counts: dict[int, bytes | None] = {}
        self._noted: dict[int, bytes | None] = {}

    @property
    def lens(self) -> Lens:
        """What the reader sees of the users that were read."""
        return self._lens.lens

    async def read(self, ids: Iterable[int]) -> Mapping[int, Profile]:
        """Look up those of some users that were not yet; all found so far."""
        wanted = [id_ for id_ in ids if id_ not in self._counts]
        viewers = () if self._noted else self._viewers
        users, counts, noted, view = await multi_get(
            fetch_from(self._cache),
            (self._people.values.key, wanted),
            (self._all_counts.shared.key, wanted),
            (keys.own_acts, viewers),
            (self._views.values.key, viewers),
        )
        self._counts |= counts
        self._noted |= noted
        if view:
            await self._lens.open(view)
        values = await self._people.values.fill_missing(users)
        found = {id_: profile_from(value) for id_, value in values.items() if value}
        await self._lens.add({id_: profile.state for id_, profile in found.items()})
        self.users |= found
        return self.users

    async def check_open(self, user: UserId) -> None:
        """Raise `NotFound` or `Forbidden` unless the reader may look through what is listed of a user."""
        if user not in await self.read((user,)):
            raise NotFound("This user does not exist.", "not_found")
        self._lens.check_open(user)

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
