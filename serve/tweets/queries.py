"""Tweets one by one, with what was replied to them."""

from functools import partial

from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.timeline import walk_of
from serve.reading.pipeline import by_id
from serve.reading.readers import Readers
from serve.tweets.commands import Posted
from serve.tweets.render import anybodys, counts_json, new_tweet_json, tweets_json, tweets_page
from storage.cache_codec import tweet_from
from storage.ports.tweets import TweetStore


class TweetQueries:
    """Tweets as finished JSON; `viewer` is None without a token. Raises `NotFound` for what does not exist."""

    def __init__(self, readers: Readers, tweets: TweetStore, limits: Limits) -> None:
        self._readers = readers
        self._tweets = tweets
        self._limits = limits

    async def tweet(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        reader = await self._readers.tweets(viewer)
        await reader.original_of(tweet_id)
        (found,) = await tweets_json(reader, (tweet_id,))
        return found

    async def posted(self, author: UserId, posted: Posted) -> bytes:
        """A tweet for its author, who has just posted it; read if what is known of it does not suffice."""
        if posted.record is None or posted.author is None:
            return await self.tweet(author, posted.id)
        return new_tweet_json(tweet_from(posted.id, posted.record), posted.author)

    async def engagements(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """The counts of a tweet."""
        reader = await self._readers.tweets(viewer)
        original = await reader.original_of(tweet_id)
        return counts_json((await reader.counts((original,)))[original])

    async def replies(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of the direct replies to a tweet."""
        reader = await self._readers.tweets(viewer)
        original = await reader.original_of(tweet_id)
        page = anybodys(by_id(partial(self._tweets.replies, original)))
        return await tweets_page(page, reader, walk_of(cursor), limit, self._limits)
