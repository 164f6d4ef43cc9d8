"""Counts of tweets and users: read through for all readers, and corrected for one by what they did lately."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

from domain.counts import TweetCounts, UserCounts
from domain.errors import Overloaded, StoreUnavailable
from domain.ids import TweetId, UserId
from domain.limits import Limits
from storage import keys, values
from storage.own_acts import acts_from
from storage.ports.cache import CacheStore
from storage.ports.counts import CountStore
from storage.read_through import ReadThrough
from storage.values import Counted
from telemetry import metrics

C = TypeVar("C", TweetCounts, UserCounts)

_RECOUNTED_MAX = 16
"""Tweets or users of one page whose sets are counted anew."""


class OwnCounts:
    """Corrects cached counts for one reader.

    A count whose reading began before the reader's own act was noted may lack it, and is not believed: its set is read
    anew, for this reader alone, as the counters will write what is right for all. A set too large for that, or one
    of too many, gets the change added; should the cached reading have overlapped the act, it is off by one until the
    counters come by.
    """

    def __init__(self, counts: CountStore, limits: Limits) -> None:
        self._counts = counts
        self._limits = limits

    def key(self, user: int) -> str:
        """The key under which the acts of a user are noted."""
        return keys.own_acts(user)

    async def of_tweets(self, noted: bytes | None, found: Mapping[int, bytes]) -> dict[int, TweetCounts]:
        """The counts in cached values of tweets, as a viewer must see them; `noted` is what their key held."""
        counts = {id_: values.tweet_counts_alone(value) for id_, value in found.items()}
        if noted:
            await self._correct(noted, found, values.tweet_counts_from, counts, self._count_tweet)
        return counts

    async def of_users(self, noted: bytes | None, found: Mapping[int, bytes]) -> dict[int, UserCounts]:
        """The counts in cached values of users, likewise."""
        counts = {id_: values.user_counts_alone(value) for id_, value in found.items()}
        if noted:
            await self._correct(noted, found, values.user_counts_from, counts, self._count_user)
        return counts

    async def _correct(
        self,
        noted: bytes,
        found: Mapping[int, bytes],
        counted_from: Callable[[bytes], Counted[C]],
        counts: dict[int, C],
        count: Callable[[int, Collection[str], C], Awaitable[C]],
    ) -> None:
        acts = acts_from(noted)
        recounted: dict[int, list[str]] = {}
        for id_ in found.keys() & acts.keys():
            counted = counted_from(found[id_])
            changes: dict[str, int] = {}
            for name, change, noted_us in acts[id_]:
                if noted_us >= counted.began_us(name):
                    changes[name] = changes.get(name, 0) + change
            for name, change in changes.items():
                size: int = getattr(counted.counts, name)
                if size <= self._limits.own_recount_max and (id_ in recounted or len(recounted) < _RECOUNTED_MAX):
                    recounted.setdefault(id_, []).append(name)
                else:
                    counts[id_] = counts[id_]._replace(**{name: size + change})
        if recounted:
            metrics.SAFEGUARDS.record(sum(map(len, recounted.values())), safeguard="own_count")
            anew = await asyncio.gather(*(count(id_, names, counts[id_]) for id_, names in recounted.items()))
            counts.update(zip(recounted, anew, strict=True))

    async def _count_tweet(self, id_: int, names: Collection[str], others: TweetCounts) -> TweetCounts:
        return await self._counts.tweet_counts(TweetId(id_), names, others)

    async def _count_user(self, id_: int, names: Collection[str], others: UserCounts) -> UserCounts:
        return await self._counts.user_counts(UserId(id_), names, others)


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
