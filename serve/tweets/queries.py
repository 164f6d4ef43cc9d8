"""Tweets one by one, with what was replied to them."""

from functools import partial

from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.timeline import walk_of
from domain.visibility import LINK, Reason
from serve.reading.pipeline import by_id
from serve.reading.readers import Readers
from serve.tweets.commands import Posted
from serve.tweets.render import counts_json, new_tweet_json, tombstone, tweets_json, tweets_page
from storage.cache_codec import tweet_from
from storage.ports.tweets import TweetStore


class TweetQueries:
    """Tweets as finished JSON; `viewer` is None without a token. Raises `NotFound` for what its reader may not know."""

    def __init__(self, readers: Readers, tweets: TweetStore, limits: Limits) -> None:
        self._readers = readers
        self._tweets = tweets
        self._limits = limits

    async def tweet(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """A tweet; who blocks its author gets a tombstone."""
        reader = await self._readers.tweets(viewer)
        if await reader.is_of_blocked(tweet_id):
            return tombstone(tweet_id, Reason.BLOCKED)
        await reader.original_of(tweet_id)
        (found,) = await tweets_json(reader, (tweet_id,), LINK)
        return found

    async def posted(self, author: UserId, posted: Posted) -> bytes:
        """A tweet for its author, who has just posted it; read if what is known of it does not suffice."""
        tweet = posted.record and tweet_from(posted.id, posted.record)
        if not tweet or posted.author is None or tweet.quote_of:
            return await self.tweet(author, posted.id)
        return new_tweet_json(tweet, posted.author)

    async def engagements(self, viewer: UserId | None, tweet_id: TweetId) -> bytes:
        """The counts of a tweet."""
        reader = await self._readers.tweets(viewer)
        original = await reader.original_of(tweet_id)
        return counts_json((await reader.counts((original,)))[original])

    async def replies(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int) -> bytes:
        """A page of the direct replies to a tweet."""
        reader = await self._readers.tweets(viewer)
        original = await reader.original_of(tweet_id)
        skeleton = by_id(partial(self._tweets.replies, original))
        return await tweets_page(skeleton, LINK, reader, walk_of(cursor), limit, self._limits)
