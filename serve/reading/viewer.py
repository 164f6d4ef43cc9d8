"""Relations of one reader: the users they follow, and the relations to tweets that tweets show them."""

import asyncio
from collections.abc import Sequence

from domain.ids import Ids, UserId
from domain.limits import Limits
from domain.relations import FOLLOW, MARKED, Relation
from storage import keys
from storage.cache_codec import Engaged, engaged_value, ids_from, ids_value
from storage.ports.cache import CacheStore
from storage.ports.relations import RelationStore
from storage.read_through import ReadThrough


class ViewerRelations:
    """Relations of readers, read through."""

    def __init__(self, cache: CacheStore, relations: RelationStore, limits: Limits) -> None:
        self._relations = relations
        self._recent_max = limits.marked_recent_max
        self.following = ReadThrough(cache, limits, kind="following", key=keys.following, load=self._load_following)
        self.engaged = ReadThrough(cache, limits, kind="engaged", key=keys.engaged, load=self._load_engaged)

    async def followees(self, user: UserId) -> Ids:
        """The users whom a user follows, sorted."""
        return ids_from((await self.following.get((user,)))[user])

    async def marks(self, viewer: UserId, engaged: Sequence[Engaged], tweets: Sequence[int]) -> list[set[int]]:
        """Those of some tweets to which a viewer has each relation, and maybe others; `engaged` is what is cached."""
        each = zip(MARKED, engaged, strict=True)
        return [await self._marked(viewer, relation, recent, tweets) for relation, recent in each]

    async def _marked(self, viewer: UserId, relation: Relation, recent: Engaged, tweets: Sequence[int]) -> set[int]:
        marked = set(recent.tweets)
        if below := [id_ for id_ in tweets if id_ <= recent.floor]:
            marked |= await self._relations.active_among(relation, viewer, below)
        return marked

    async def _load_following(self, ids: list[int]) -> dict[int, bytes]:
        found = await asyncio.gather(*(self._relations.all_targets(FOLLOW, UserId(id_)) for id_ in ids))
        return {id_: ids_value(sorted(u for u, _ in each)) for id_, each in zip(ids, found, strict=True)}

    async def _load_engaged(self, ids: list[int]) -> dict[int, bytes]:
        return dict(zip(ids, await asyncio.gather(*(self._engaged_value(UserId(id_)) for id_ in ids)), strict=True))

    async def _engaged_value(self, user: UserId) -> bytes:
        reads = (self._relations.recent_targets(relation, user, limit=self._recent_max) for relation in MARKED)
        return engaged_value([Engaged(floor, tweets) for tweets, floor in await asyncio.gather(*reads)])
