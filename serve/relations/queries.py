"""Lists of relations: the users who have one to a target, and the targets to which a user has one."""

from functools import partial

from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.relations import Relation, Target
from domain.timeline import walk_of
from serve.reading.pipeline import Skeleton, by_place
from serve.reading.readers import Readers
from serve.tweets.render import anybodys, tweets_page
from serve.users.render import users_page
from storage.ports.relations import RelationStore


class RelationQueries:
    """Pages as finished JSON, latest relation first; `viewer` is None without a token.

    Raises `NotFound` for what does not exist.
    """

    def __init__(self, readers: Readers, relations: RelationStore, limits: Limits) -> None:
        self._readers = readers
        self._relations = relations
        self._limits = limits

    async def sources(
        self, viewer: UserId | None, relation: Relation, target: int, cursor: str | None, limit: int
    ) -> bytes:
        """A page of the users who have a relation to a target; through a retweet to the original."""
        if relation.target is Target.TWEET:
            target = await (await self._readers.tweets(None)).original_of(TweetId(target))
        else:
            await self._readers.people.check(UserId(target))
        return await self._users(viewer, by_place(partial(self._relations.sources, relation, target)), cursor, limit)

    async def targets(
        self, viewer: UserId | None, relation: Relation, user: UserId, cursor: str | None, limit: int
    ) -> bytes:
        """A page of the tweets or users to which a user has a relation."""
        await self._readers.people.check(user)
        skeleton = by_place(partial(self._relations.targets, relation, user))
        if relation.target is Target.USER:
            return await self._users(viewer, skeleton, cursor, limit)
        reader = await self._readers.tweets(viewer)
        return await tweets_page(anybodys(skeleton), reader, walk_of(cursor), limit, self._limits)

    async def _users(self, viewer: UserId | None, skeleton: Skeleton, cursor: str | None, limit: int) -> bytes:
        return await users_page(skeleton, await self._readers.users(viewer), cursor, limit, self._limits)
