"""What a user can read, as finished JSON."""

from collections.abc import Awaitable, Callable, Sequence

from domain.errors import NotFound
from domain.hashtags import tag_of
from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.relations import FOLLOW, LIKE, RETWEET, Relation
from domain.timeline import Walk, cursor_of, walk_of
from serve.home import HomeTimeline
from serve.hydration import Hydrator, exists
from serve.threads import Threads
from storage.ports.relations import RelationStore
from storage.ports.tweets import TweetStore
from storage.ports.users import UserStore
from storage.rows import PUBLIC_FEED, hashtag_feed

More = Callable[[int, int], Awaitable[Sequence[tuple[int, int]]]]
"""Reads on: (before, limit) to (id to show, place in the list), newest first."""


class Queries:
    """The queries. `viewer` is who reads, None without a token; ids that name nothing raise `NotFound`."""

    def __init__(
        self,
        home: HomeTimeline,
        hydrator: Hydrator,
        tweets: TweetStore,
        users: UserStore,
        relations: RelationStore,
        limits: Limits,
    ) -> None:
        self._home = home
        self._hydrator = hydrator
        self._tweets = tweets
        self._users = users
        self._relations = relations
        self._threads = Threads(hydrator, tweets, limits)

    async def tweet(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """One tweet or retweet."""
        reading = await self._hydrator.reading(viewer)
        await reading.original_of(tweet_id)
        (found,) = await reading.json((tweet_id,))
        return found

    async def home(self, viewer: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of the viewer's home timeline."""
        page = await self._home.page(viewer, walk_of(cursor), limit)
        items = await page.reading.json(page.shown)
        return _page("tweets", items, page.next)

    async def user_timeline(self, viewer: UserId | None, author: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of what one user wrote and retweeted."""
        await self._check_user(author)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            entries = await self._tweets.entries_by_author(author, before=before, limit=limit)
            return [(entry, entry) for entry in entries[:, 0].tolist()]

        return await self._tweets_page(viewer, more, cursor, limit)

    async def public(self, viewer: UserId | None, cursor: str | None, limit: int) -> bytes:
        """A page of everybody's tweets, replies and quotes."""
        return await self._feed_page(viewer, PUBLIC_FEED, cursor, limit)

    async def hashtag(self, viewer: UserId | None, tag: str, cursor: str | None, limit: int) -> bytes:
        """A page of the tweets that carry a hashtag, without case. Raises `NotFound` for what none can carry."""
        folded = tag_of(tag)
        if folded is None:
            raise NotFound("No tweet can carry this hashtag.", "not_found")
        return await self._feed_page(viewer, hashtag_feed(folded), cursor, limit)

    async def replies(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of the direct replies to a tweet."""
        original = await self._check_tweet(tweet_id)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            found = await self._tweets.replies(original, before=before, limit=limit)
            return [(reply, reply) for reply, _ in found]

        return await self._tweets_page(viewer, more, cursor, limit)

    async def thread(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int | None) -> bytes:
        """A page of the conversation around a tweet, in the order that `Threads` keeps."""
        return await self._threads.page(viewer, tweet_id, cursor, limit)

    async def engagements(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """A tweet's counts."""
        reading = await self._hydrator.reading(viewer)
        (counts,) = (await reading.counts((await reading.original_of(tweet_id),))).values()
        return b'{"likes_count":%d,"retweets_count":%d,"replies_count":%d,"quotes_count":%d}' % (
            counts.likes,
            counts.retweets,
            counts.replies,
            counts.quotes,
        )

    async def likers(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who likes a tweet, latest first."""
        return await self._engagers_page(viewer, LIKE, tweet_id, cursor, limit)

    async def retweeters(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who retweeted a tweet, latest first."""
        return await self._engagers_page(viewer, RETWEET, tweet_id, cursor, limit)

    async def followers(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of who follows a user, latest first."""
        await self._check_user(user)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return await self._relations.sources(FOLLOW, user, before=before, limit=limit)

        return await self._users_page(viewer, more, cursor, limit)

    async def following(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of whom a user follows, latest first."""
        await self._check_user(user)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return await self._relations.targets(FOLLOW, user, before=before, limit=limit)

        return await self._users_page(viewer, more, cursor, limit)

    async def user(self, viewer: UserId | None, user: UserId) -> bytes:
        """One user's profile."""
        found = await self._hydrator.users_json(viewer, (user,))
        if not found:
            raise _no_user()
        return found[0]

    async def user_by_name(self, viewer: UserId | None, name: str) -> bytes:
        """The profile of whoever bears a username, without case."""
        user = await self._users.by_username(name)
        if user is None:
            raise _no_user()
        return await self.user(viewer, user)

    async def _feed_page(self, viewer: UserId | None, feed: str, cursor: str | None, limit: int) -> bytes:
        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return [(tweet, tweet) for tweet, _ in await self._tweets.feed(feed, before=before, limit=limit)]

        return await self._tweets_page(viewer, more, cursor, limit)

    async def _tweets_page(self, viewer: UserId | None, more: More, cursor: str | None, limit: int) -> bytes:
        """A full page of tweets that exist, however many that do not lie between them."""
        before = walk_of(cursor).last
        shown: list[int] = []
        reading = await self._hydrator.reading(viewer)
        want = limit + 1
        while len(shown) <= limit:
            found = [id_ for id_, _ in await more(before, want)]
            records = await reading.read(found)
            shown += [id_ for id_ in found if exists(id_, records)][: limit + 1 - len(shown)]
            if len(found) < want:
                break
            before = found[-1]
        rest = Walk(shown[limit - 1], shown[limit - 1]) if len(shown) > limit else None
        return _page("tweets", await reading.json(shown[:limit]), rest)

    async def _engagers_page(
        self, viewer: UserId | None, relation: Relation, tweet_id: TweetId, cursor: str | None, limit: int
    ) -> bytes:
        original = await self._check_tweet(tweet_id)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return await self._relations.sources(relation, original, before=before, limit=limit)

        return await self._users_page(viewer, more, cursor, limit)

    async def _users_page(self, viewer: UserId | None, more: More, cursor: str | None, limit: int) -> bytes:
        found = await more(walk_of(cursor).last, limit + 1)
        place = found[limit - 1][1] if len(found) > limit else None
        users = [UserId(id_) for id_, _ in found[:limit]]
        items = await self._hydrator.users_json(viewer, users)
        return _page("users", items, None if place is None else Walk(place, place))

    async def _check_user(self, user: UserId) -> None:
        if user not in await self._hydrator.users((user,)):
            raise _no_user()

    async def _check_tweet(self, tweet_id: TweetId) -> TweetId:
        return await (await self._hydrator.reading(None)).original_of(tweet_id)


def _page(name: str, items: Sequence[bytes], rest: Walk | None) -> bytes:
    cursor = b"null" if rest is None else b'"%b"' % cursor_of(rest).encode()
    return b'{"%b":[%b],"next_cursor":%b}' % (name.encode(), b",".join(items), cursor)


def _no_user() -> NotFound:
    return NotFound("This user does not exist.", "not_found")
