"""Lists of relations: the users who have one to a target, and the targets to which a user has one."""

from functools import partial

from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.relations import Relation, Target
from domain.timeline import walk_of
from domain.visibility import LINK
from serve.reading.pipeline import by_place
from serve.reading.readers import Readers
from serve.tweets.render import tweets_page
from serve.users.render import users_page
from storage.ports.relations import RelationStore


class RelationQueries:
    """Pages as finished JSON, latest relation first; `viewer` is None without a token.

    Raises `NotFound` for what the reader may not know, and `Forbidden` for what belongs to a private account.
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
            target = await (await self._readers.tweets(viewer)).original_of(TweetId(target))
        reader = await self._readers.users(viewer)
        if relation.target is Target.USER:
            await reader.check_open(UserId(target))
        skeleton = by_place(partial(self._relations.sources, relation, target))
        return await users_page(skeleton, reader, cursor, limit, self._limits)

    async def targets(
        self, viewer: UserId | None, relation: Relation, user: UserId, cursor: str | None, limit: int
    ) -> bytes:
        """A page of the tweets or users to which a user has a relation; whom it hides the user sees there."""
        skeleton = by_place(partial(self._relations.targets, relation, user))
        reader = await self._readers.users(viewer)
        await reader.check_open(user)
        if relation.target is Target.USER:
            return await users_page(skeleton, reader, cursor, limit, self._limits, with_hidden=relation.hides)
        tweets = await self._readers.tweets(viewer)
        return await tweets_page(skeleton, LINK, tweets, walk_of(cursor), limit, self._limits)
