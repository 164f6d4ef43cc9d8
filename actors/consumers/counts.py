"""Counts: counts every set anew that events may have changed, and caches the result."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from typing_extensions import override

from actors.consumers.log_consumer import Handler
from actors.consumers.pull_threshold import PullThreshold
from domain.events import AnyEvent
from domain.ids import UserId
from domain.limits import Limits
from domain.relations import Target
from storage.ports import Ports
from storage.projections import projection_of
from storage.projections.projection import Count
from storage.values import TWEET_COUNTS, USER_COUNTS, C, Counted, CountsForm

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
        names = [*map(TWEET_COUNTS.key, tweets), *map(USER_COUNTS.key, users)]
        if not names:
            return
        began_us = await self._ports.cache.now_us()
        kept = dict(zip(names, (await self._ports.cache.fetch((), names))[1], strict=True))
        count = self._ports.counts
        of_tweets = await _recounted(tweets, TWEET_COUNTS, count.tweet_counts, kept, began_us)
        of_users = await _recounted(users, USER_COUNTS, count.user_counts, kept, began_us)
        counted = {TWEET_COUNTS.key(id_): TWEET_COUNTS.value(counts) for id_, counts in of_tweets.items()}
        counted |= {USER_COUNTS.key(id_): USER_COUNTS.value(counts) for id_, counts in of_users.items()}
        self._written |= counted.keys()
        whole = {key: value for key, value in counted.items() if kept[key] is None}
        await self._ports.cache.put(whole, ttl_s=self._limits.cache_ttl_s)
        await self._ports.cache.update({key: value for key, value in counted.items() if key not in whole})
        await self._threshold.observe(
            {UserId(id_): of_users[id_].counts.followers for id_ in users if "followers" in users[id_]}
        )


async def _recounted(
    changed: Mapping[int, set[str]],
    form: CountsForm[C],
    count: Callable[..., Awaitable[C]],
    kept: Mapping[str, bytes | None],
    began_us: int,
) -> dict[int, Counted[C]]:
    """The counts of some tweets or users: those that changed are counted now, as are all where none are cached."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def recounted(id_: int) -> tuple[int, Counted[C]]:
        value = kept[form.key(id_)]
        async with gate:
            if value is None:
                return id_, Counted.at(await count(id_), began_us)
            held = form.counted(value)
            return id_, held.recounted(await count(id_, changed[id_], held.counts), changed[id_], began_us)

    return dict(await asyncio.gather(*map(recounted, changed)))


def _by_id(recounts: Iterable[Count], target: Target) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for count in recounts:
        if count.target is target:
            found.setdefault(count.id, set()).add(count.name)
    return found
