"""What a user can read, as finished JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from domain.errors import NotFound
from domain.hashtags import tag_of
from domain.ids import ID_MAX, TweetId, UserId
from domain.limits import Limits
from domain.timeline import Walk, cursor_of, walk_of
from serve.home import HomeTimeline
from serve.hydration import Hydrator, Record
from storage.ports import Engagement, EngagementStore, GraphStore, TweetStore, UserStore
from storage.rows import PUBLIC_TOPIC, tag_topic

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
        graph: GraphStore,
        engagements: EngagementStore,
        limits: Limits,
    ) -> None:
        self._home = home
        self._hydrator = hydrator
        self._tweets = tweets
        self._users = users
        self._graph = graph
        self._engagements = engagements
        self._limits = limits

    async def tweet(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """One tweet or retweet."""
        reading = await self._hydrator.reading(viewer)
        if not _exists(tweet_id, await reading.read((tweet_id,))):
            raise _no_tweet()
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
        return await self._topic_page(viewer, PUBLIC_TOPIC, cursor, limit)

    async def hashtag(self, viewer: UserId | None, tag: str, cursor: str | None, limit: int) -> bytes:
        """A page of the tweets that carry a hashtag, without case. Raises `NotFound` for what none can carry."""
        folded = tag_of(tag)
        if folded is None:
            raise NotFound("No tweet can carry this hashtag.", "not_found")
        return await self._topic_page(viewer, tag_topic(folded), cursor, limit)

    async def replies(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of the direct replies to a tweet."""
        original = await self._check_tweet(tweet_id)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            found = await self._tweets.replies(original, before=before, limit=limit)
            return [(reply, reply) for reply, _ in found]

        return await self._tweets_page(viewer, more, cursor, limit)

    async def thread(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """The conversation: what a tweet replies to, up to the root, and the replies below it, each oldest first."""
        original = await self._check_tweet(tweet_id)
        ancestors, descendants = await asyncio.gather(self._ancestors(original), self._descendants(original))
        shown = [*ancestors, original, *descendants]
        reading = await self._hydrator.reading(viewer)
        records = await reading.read(shown)
        shown = [id_ for id_ in shown if id_ in records]
        items = dict(zip(shown, await reading.json(shown), strict=True))
        if original not in items:
            raise _no_tweet()
        above = b",".join(items[id_] for id_ in ancestors if id_ in items)
        below = b",".join(items[id_] for id_ in descendants if id_ in items)
        return b'{"ancestors":[%b],"tweet":%b,"descendants":[%b]}' % (above, items[original], below)

    async def engagements(self, _viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """A tweet's counts."""
        counts = await self._hydrator.counts_of(await self._check_tweet(tweet_id))
        return b'{"likes_count":%d,"retweets_count":%d,"replies_count":%d,"quotes_count":%d}' % (
            counts.likes,
            counts.retweets,
            counts.replies,
            counts.quotes,
        )

    async def likers(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who likes a tweet, latest first."""
        return await self._engagers_page(viewer, Engagement.LIKE, tweet_id, cursor, limit)

    async def retweeters(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of who retweeted a tweet, latest first."""
        return await self._engagers_page(viewer, Engagement.RETWEET, tweet_id, cursor, limit)

    async def followers(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of who follows a user, latest first."""
        await self._check_user(user)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return await self._graph.followers_page(user, before=before, limit=limit)

        return await self._users_page(viewer, more, cursor, limit)

    async def following(self, viewer: UserId | None, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of whom a user follows, latest first."""
        await self._check_user(user)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return [edge for edge in await self._graph.following(user) if edge[1] < before][:limit]

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

    async def _topic_page(self, viewer: UserId | None, topic: str, cursor: str | None, limit: int) -> bytes:
        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return [(tweet, tweet) for tweet, _ in await self._tweets.topic(topic, before=before, limit=limit)]

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
            shown += [id_ for id_ in found if _exists(id_, records)][: limit + 1 - len(shown)]
            if len(found) < want:
                break
            before = found[-1]
        rest = Walk(shown[limit - 1], shown[limit - 1]) if len(shown) > limit else None
        return _page("tweets", await reading.json(shown[:limit]), rest)

    async def _engagers_page(
        self, viewer: UserId | None, kind: Engagement, tweet_id: TweetId, cursor: str | None, limit: int
    ) -> bytes:
        original = await self._check_tweet(tweet_id)

        async def more(before: int, limit: int) -> Sequence[tuple[int, int]]:
            return await self._engagements.engagers(kind, original, before=before, limit=limit)

        return await self._users_page(viewer, more, cursor, limit)

    async def _users_page(self, viewer: UserId | None, more: More, cursor: str | None, limit: int) -> bytes:
        found = await more(walk_of(cursor).last, limit + 1)
        place = found[limit - 1][1] if len(found) > limit else None
        users = [UserId(id_) for id_, _ in found[:limit]]
        items = await self._hydrator.users_json(viewer, users)
        return _page("users", items, None if place is None else Walk(place, place))

    async def _ancestors(self, tweet_id: TweetId) -> list[TweetId]:
        above: list[TweetId] = []
        current: TweetId | None = tweet_id
        while current is not None and len(above) < self._limits.thread_tweets_max:
            authors = await self._tweets.authors((current,))
            tweets = await self._tweets.tweets([(author, id_) for id_, author in authors.items()])
            current = tweets[current].reply_to if current in tweets else None
            if current is not None:
                above.append(current)
        return above[::-1]

    async def _descendants(self, tweet_id: TweetId) -> list[TweetId]:
        below: list[TweetId] = []
        level = [tweet_id]
        while level and len(below) < self._limits.thread_tweets_max:
            limit = self._limits.thread_tweets_max - len(below)
            replies = await asyncio.gather(
                *(self._tweets.replies(parent, before=ID_MAX, limit=limit) for parent in level[:limit])
            )
            level = [reply for found in replies for reply, _ in found][:limit]
            below += level
        return sorted(below)

    async def _check_user(self, user: UserId) -> None:
        if user not in await self._hydrator.users((user,)):
            raise _no_user()

    async def _check_tweet(self, tweet_id: TweetId) -> TweetId:
        records = await (await self._hydrator.reading(None)).read((tweet_id,))
        if not _exists(tweet_id, records):
            raise _no_tweet()
        return TweetId(records[tweet_id].original)


def _exists(id_: int, records: dict[int, Record]) -> bool:
    return id_ in records and records[id_].original in records


def _page(name: str, items: Sequence[bytes], rest: Walk | None) -> bytes:
    cursor = b"null" if rest is None else b'"%b"' % cursor_of(rest).encode()
    return b'{"%b":[%b],"next_cursor":%b}' % (name.encode(), b",".join(items), cursor)


def _no_tweet() -> NotFound:
    return NotFound("This tweet does not exist.", "not_found")


def _no_user() -> NotFound:
    return NotFound("This user does not exist.", "not_found")
