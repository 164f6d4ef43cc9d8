"""Hydrates users for one request: profiles, counts, how they and the reader are related, and the reader's lens."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.counts import UserCounts
from domain.ids import UserId
from domain.relations import FOLLOW, REQUEST
from domain.users import PRIVATE
from domain.visibility import Lens
from serve.reading.counts import Counts
from serve.reading.people import People, no_user
from serve.reading.views import RequestLens, Views
from storage import keys
from storage.cache_codec import Profile, profile_from
from storage.ports.cache import CacheStore
from storage.ports.relations import RelationStore
from storage.read_through import fetch_from, multi_get


class Relations(NamedTuple):
    """Relations between the reader and a user, as a profile shows them; never that one is blocked."""

    following: bool = False
    followed_by: bool = False
    requested: bool = False
    requested_by: bool = False
    blocking: bool = False
    muting: bool = False
    retweets_hidden: bool = False


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
        """The lens of the reader, for the users that were read."""
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
        await self._lens.add(found)
        self.users |= found
        return self.users

    async def check_open(self, user: UserId) -> None:
        """Raise `NotFound` or `Forbidden` unless the reader may look through what is listed of a user."""
        if user not in await self.read((user,)):
            raise no_user()
        self._lens.check_open(user)

    async def counts(self, ids: Iterable[int]) -> dict[int, UserCounts]:
        """The counts of some users that were read."""
        cached = {id_: self._counts[id_] for id_ in ids}
        return await self._all_counts.of(cached, self._noted.get(self._viewer or 0), self._viewer)

    async def relations(self, ids: Sequence[int]) -> list[Relations]:
        """The relations between the reader and each of some users that were read."""
        if self._viewer is None:
            return [Relations()] * len(ids)
        viewer, users = self._viewer, [UserId(id_) for id_ in ids]
        to, by = [(viewer, user) for user in users], [(user, viewer) for user in users]
        states = await self._relations.states(FOLLOW, (*to, *by))
        following, followed_by = states[: len(users)], states[len(users) :]
        # Only who is private is asked, so elsewhere nothing more is read.
        unmet = zip(users, following, strict=True)
        ask = [pair for pair, (user, state) in zip(to, unmet, strict=True) if self._is_asked(user) and not state.active]
        if await self._is_private(viewer):
            ask += [pair for pair, state in zip(by, followed_by, strict=True) if not state.active]
        requests = await self._relations.states(REQUEST, ask) if ask else []
        asked = {pair for pair, state in zip(ask, requests, strict=True) if state.active}
        lens = self._lens.lens
        return [
            Relations(
                following=outward.active,
                followed_by=inward.active,
                requested=(viewer, user) in asked,
                requested_by=(user, viewer) in asked,
                blocking=user in lens.blocked,
                muting=lens.muted.get(user, 0) > lens.now_ms,
                retweets_hidden=user in lens.retweets_hidden,
            )
            for user, outward, inward in zip(users, following, followed_by, strict=True)
        ]

    def _is_asked(self, user: UserId) -> bool:
        return bool(self.users[user].state & PRIVATE) and user != self._viewer

    async def _is_private(self, user: UserId) -> bool:
        person = (await self._people.known((user,))).get(user)
        return person is not None and bool(person.state & PRIVATE)
