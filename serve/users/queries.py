"""Profiles, and lists of users: followers, followees, and who engaged with a tweet."""

from domain.errors import NotFound
from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.relations import FOLLOW, LIKE, RETWEET, Relation
from serve.reading.pipeline import Skeleton
from serve.reading.readers import Readers
from serve.reading.skeletons import sources_of, targets_of
from serve.users.render import users_json, users_page
from storage.ports.relations import RelationStore
from storage.ports.users import UserStore


class UserQueries:
    """Users as finished JSON; `viewer` is None without a token. Raises `NotFound` for what does not exist."""

    def __init__(self, readers: Readers, users: UserStore, relations: RelationStore, limits: Limits) -> None:
        self._readers = readers
        self._users = users
        self._relations = relations
        self._limits = limits

    async def user(self, viewer: UserId | None, user: UserId) -> bytes:
        """The profile of a user."""
        reader = await self._readers.users(viewer)
        if user not in await reader.read((user,)):
            raise _no_user()
        (found,) = await users_json(reader, (user,))
        return found

    async def user_by_name(self, viewer: UserId | None, name: str) -> bytes:
        """The profile of a username, without case."""
        user = await self._users.by_username(name)
        if user is None:
            raise _no_user()
        return await self.user(viewer, user)

    async def followers(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of who follows a user, latest first."""
        await self._readers.people.check(user)
        return await self._page(viewer, sources_of(self._relations, FOLLOW, user), cursor, limit)

    async def following(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of whom a user follows, latest first."""
        await self._readers.people.check(user)
        return await self._page(viewer, targets_of(self._relations, FOLLOW, user), cursor, limit)

    async def likers(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who likes a tweet, latest first."""
        return await self._sources(viewer, LIKE, tweet_id, cursor, limit)

    async def retweeters(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who retweeted a tweet, latest first."""
        return await self._sources(viewer, RETWEET, tweet_id, cursor, limit)

    async def _sources(
        self, viewer: UserId | None, relation: Relation, tweet_id: TweetId, cursor: str | None, limit: int
    ) -> bytes:
        original = await (await self._readers.tweets(None)).original_of(tweet_id)
        return await self._page(viewer, sources_of(self._relations, relation, original), cursor, limit)

    async def _page(self, viewer: UserId | None, skeleton: Skeleton, cursor: str | None, limit: int) -> bytes:
        return await users_page(skeleton, await self._readers.users(viewer), cursor, limit, self._limits)


def _no_user() -> NotFound:
    return NotFound("This user does not exist.", "not_found")
