"""Counts of tweets and users, read through: taken from Cassandra where the cache lacks them."""

import asyncio

from domain.errors import Overloaded, StoreUnavailable
from domain.ids import TweetId, UserId
from domain.limits import Limits
from serve.reading.own_counts import OwnCounts
from serve.reading.read_through import ReadThrough
from storage import keys, values
from storage.ports.cache import CacheStore
from storage.ports.counts import CountStore
from storage.values import Counted


class Counts:
    """The counts that all readers see, and what corrects them for one."""

    def __init__(self, cache: CacheStore, counts: CountStore, limits: Limits) -> None:
        self._cache = cache
        self._counts = counts
        self.of_tweets = ReadThrough(cache, limits, kind="counts", key=keys.tweet_counts, load=self._load_of_tweets)
        self.of_users = ReadThrough(cache, limits, kind="counts", key=keys.user_counts, load=self._load_of_users)
        self.own = OwnCounts(counts, limits)

    async def _load_of_tweets(self, ids: list[int]) -> dict[int, bytes]:
        began_us = await self._now_us()
        counts = await asyncio.gather(*(self._counts.tweet_counts(TweetId(id_)) for id_ in ids))
        return {id_: values.tweet_counts(Counted.at(c, began_us)) for id_, c in zip(ids, counts, strict=True)}

    async def _load_of_users(self, ids: list[int]) -> dict[int, bytes]:
        began_us = await self._now_us()
        counts = await asyncio.gather(*(self._counts.user_counts(UserId(id_)) for id_ in ids))
        return {id_: values.user_counts(Counted.at(c, began_us)) for id_, c in zip(ids, counts, strict=True)}

    async def _now_us(self) -> int:
        try:
            return await self._cache.now_us()
        except (StoreUnavailable, Overloaded):
            return 0  # counted by the adapter; who has done something to these counts does not believe them
