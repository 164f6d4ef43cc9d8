"""Readers of requests, on caches that all requests of a replica share."""

from collections.abc import Awaitable, Callable

from domain.clock import Clock
from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.tweets import Tweet
from serve.reading.counts import Counts
from serve.reading.people import People
from serve.reading.request_cache import RequestCache
from serve.reading.tweet_reader import TweetReader
from serve.reading.user_reader import UserReader
from serve.reading.viewer import ViewerRelations
from serve.reading.views import Views
from storage import keys
from storage.cache_codec import tweet_value
from storage.ports import Ports
from storage.ports.cache import CacheStore
from storage.ports.tweets import TweetStore
from storage.read_through import ReadThrough
from storage.sizes import Sizes
from storage.values import TWEET_COUNTS, USER_COUNTS
from telemetry import metrics


class Readers:
    """Makes a reader for each request, after `refresh`. The cache among the ports is a guarded one."""

    def __init__(
        self,
        ports: Ports,
        refresh: Callable[[], Awaitable[None]],
        missing_acts: Callable[[str], bytes],
        clock: Clock,
        limits: Limits,
    ) -> None:
        cache = self._cache = ports.cache
        self._relations = ports.relations
        self._refresh = refresh
        self._tweets = _cached_tweets(cache, ports.tweets, limits)
        sizes = Sizes(ports.counts, limits)
        self._tweet_counts = Counts(cache, limits, TWEET_COUNTS, sizes, missing_acts)
        self._user_counts = Counts(cache, limits, USER_COUNTS, sizes, missing_acts)
        self.people = People(cache, ports.users, limits)
        self.relations = ViewerRelations(cache, ports.relations, limits)
        self._views = Views(cache, ports, self.relations, clock, limits)

    async def tweets(self, viewer: UserId | None) -> TweetReader:
        """A reader of tweets, for a viewer or None without a token, of all that was answered before."""
        await self._refresh()
        cache = RequestCache(self._cache, self.people)
        return TweetReader(viewer, cache, self.people, self._tweets, self._tweet_counts, self.relations, self._views)

    async def users(self, viewer: UserId | None) -> UserReader:
        """A reader of users, likewise."""
        await self._refresh()
        return UserReader(viewer, self._cache, self.people, self._user_counts, self._relations, self._views)


def _cached_tweets(cache: CacheStore, tweets: TweetStore, limits: Limits) -> ReadThrough:
    """Tweets and retweets by id, neutral records; empty for one that does not exist."""

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
