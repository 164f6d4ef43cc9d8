"""Readers of requests, on caches that all requests of a replica share."""

from collections.abc import Awaitable, Callable

from domain.ids import UserId
from domain.limits import Limits
from serve.reading.counts import Counts
from serve.reading.people import People, PeopleAtHand
from serve.reading.tweet_reader import TweetReader
from serve.reading.tweet_source import cached_tweets
from serve.reading.user_reader import UserReader
from serve.reading.viewer import ViewerRelations
from storage.ports.cache import CacheStore
from storage.ports.counts import CountStore
from storage.ports.relations import RelationStore
from storage.ports.tweets import TweetStore
from storage.ports.users import UserStore


class Readers:
    """Makes a reader for each request, after `refresh`. `cache` is a guarded one."""

    def __init__(
        self,
        cache: CacheStore,
        tweets: TweetStore,
        users: UserStore,
        relations: RelationStore,
        counts: CountStore,
        refresh: Callable[[], Awaitable[None]],
        limits: Limits,
    ) -> None:
        self._cache = cache
        self._relations = relations
        self._refresh = refresh
        self._tweets = cached_tweets(cache, tweets, limits)
        self._counts = Counts(cache, counts, limits)
        self.people = People(cache, users, limits)
        self.relations = ViewerRelations(cache, relations, limits)

    async def tweets(self, viewer: UserId | None) -> TweetReader:
        """A reader of tweets, for a viewer or None without a token, of all that was answered before."""
        await self._refresh()
        people = PeopleAtHand(self.people, self._cache)
        return TweetReader(viewer, people, self._tweets, self._counts, self.relations)

    async def users(self, viewer: UserId | None) -> UserReader:
        """A reader of users, likewise."""
        await self._refresh()
        return UserReader(viewer, self._cache, self.people, self._counts, self._relations)
