"""Counts: counts every set anew that events may have changed, and caches the result."""

import asyncio
from collections.abc import Iterable, Sequence

from typing_extensions import override

from actors.consumers.log_consumer import Handler
from actors.consumers.pull_threshold import PullThreshold
from domain.counts import TweetCounts, UserCounts
from domain.events import AnyEvent
from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.relations import Target
from storage import keys, values
from storage.ports import Ports
from storage.projections import projection_of
from storage.projections.projection import Count
from storage.values import Counted

_AT_ONCE = 32
"""Sets counted side by side."""


class Counts(Handler):
    """Recounts each set once for a batch.

    Nobody else overwrites a count, so those that are cached and did not change need not be counted; but they end at
    their time, so that none stays wrong for long, should a batch have become visible too late.
    """

    def __init__(self, ports: Ports, limits: Limits, threshold: PullThreshold) -> None:
        self._ports = ports
        self._limits = limits
        self._threshold = threshold
        self._written: set[str] = set()
        """Counts of events whose offset is not saved."""

    @override
    async def resume(self) -> None:
        """Drop what was written and not saved: it may have overwritten the counts of a later process."""
        if self._written:
            await self._ports.cache.drop(sorted(self._written))
            self._written.clear()

    @override
    def saved(self) -> None:
        self._written.clear()

    @override
    async def handle(self, events: Sequence[AnyEvent]) -> None:
        recounts = [count for event in events for count in projection_of(event).recounts(event)]
        tweets, users = _by_id(recounts, Target.TWEET), _by_id(recounts, Target.USER)
        names = [*map(keys.tweet_counts, tweets), *map(keys.user_counts, users)]
        if not names:
            return
        began_us = await self._ports.cache.now_us()
        kept = dict(zip(names, (await self._ports.cache.fetch((), names))[1], strict=True))
        gate = asyncio.Semaphore(_AT_ONCE)

        async def tweet(id_: int) -> tuple[int, Counted[TweetCounts]]:
            value = kept[keys.tweet_counts(id_)]
            async with gate:
                if value is None:
                    return id_, Counted.at(await self._ports.counts.tweet_counts(TweetId(id_)), began_us)
                held = values.tweet_counts_from(value)
                counts = await self._ports.counts.tweet_counts(TweetId(id_), tweets[id_], held.counts)
                return id_, held.recounted(counts, tweets[id_], began_us)

        async def user(id_: int) -> tuple[int, Counted[UserCounts]]:
            value = kept[keys.user_counts(id_)]
            async with gate:
                if value is None:
                    return id_, Counted.at(await self._ports.counts.user_counts(UserId(id_)), began_us)
                held = values.user_counts_from(value)
                counts = await self._ports.counts.user_counts(UserId(id_), users[id_], held.counts)
                return id_, held.recounted(counts, users[id_], began_us)

        of_tweets = dict(await asyncio.gather(*map(tweet, tweets)))
        of_users = dict(await asyncio.gather(*map(user, users)))
        counted = {keys.tweet_counts(id_): values.tweet_counts(counts) for id_, counts in of_tweets.items()}
        counted |= {keys.user_counts(id_): values.user_counts(counts) for id_, counts in of_users.items()}
        self._written |= counted.keys()
        whole = {key: value for key, value in counted.items() if kept[key] is None}
        await self._ports.cache.put(whole, ttl_s=self._limits.cache_ttl_s)
        await self._ports.cache.update({key: value for key, value in counted.items() if key not in whole})
        await self._threshold.observe(
            {UserId(id_): of_users[id_].counts.followers for id_ in users if "followers" in users[id_]}
        )


def _by_id(recounts: Iterable[Count], target: Target) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for count in recounts:
        if count.target is target:
            found.setdefault(count.id, set()).add(count.name)
    return found
