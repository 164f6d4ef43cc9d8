"""Tweets, read through: neutral records without what belongs to their authors."""

from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.tweets import Tweet
from storage import keys
from storage.cache_codec import tweet_value
from storage.ports.cache import CacheStore
from storage.ports.tweets import TweetStore
from storage.read_through import ReadThrough
from telemetry import metrics


def cached_tweets(cache: CacheStore, tweets: TweetStore, limits: Limits) -> ReadThrough:
    """Tweets and retweets by id, empty for one that does not exist."""

    async def load(ids: list[int]) -> dict[int, bytes]:
        authors = await tweets.authors([TweetId(id_) for id_ in ids])
        found = await tweets.tweets([(author, id_) for id_, author in authors.items()])
        if len(found) < len(ids):
            metrics.SAFEGUARDS.record(len(ids) - len(found), safeguard="tombstone")
        related = await tweets.authors(list({id_ for tweet in found.values() for id_ in _referred(tweet)}))
        return {int(id_): _value(tweet, related) for id_, tweet in found.items()}

    return ReadThrough(cache, limits, kind="tweet", key=keys.tweet, load=load)


def _referred(tweet: Tweet) -> list[TweetId]:
    return [id_ for id_ in (tweet.reply_to, tweet.quote_of) if id_ is not None]


def _value(tweet: Tweet, authors: dict[TweetId, UserId]) -> bytes:
    reply_author = None if tweet.reply_to is None else authors.get(tweet.reply_to)
    quote_author = None if tweet.quote_of is None else authors.get(tweet.quote_of)
    return tweet_value(tweet, reply_author, quote_author)
