"""Entries below the floor of a cached list: what authors wrote, merged from Cassandra to the true end."""

import asyncio
from collections.abc import Iterable, Sequence

import numpy as np

from domain.ids import UserId
from domain.timeline import NO_ENTRIES, Entries, newest_first
from storage.ports.tweets import TweetStore

_READS_AT_ONCE = 64


class BelowFloor:
    """One walk down through the entries of some authors."""

    def __init__(self, tweets: TweetStore, authors: Iterable[int]) -> None:
        self._tweets = tweets
        self._authors = [UserId(author) for author in authors]
        """Those who may have more."""

    async def next(self, before: int, want: int) -> Entries:
        """The newest `want` entries below an id, which never rises from call to call; fewer only at the end."""
        gate = asyncio.Semaphore(_READS_AT_ONCE)

        async def read(author: UserId) -> Entries:
            async with gate:
                return await self._tweets.entries_by_author(author, before=before, limit=want)

        parts = await asyncio.gather(*map(read, self._authors))
        entries = newest_first(np.concatenate(parts))[:want] if parts else NO_ENTRIES
        self._authors = _with_more(self._authors, parts, entries, want)
        return entries


def _with_more(authors: Sequence[UserId], parts: Sequence[Entries], entries: Entries, want: int) -> list[UserId]:
    lowest = entries[-1, 0] if len(entries) else 0
    return [
        author
        for author, part in zip(authors, parts, strict=True)
        if len(part) == want or (len(part) and part[-1, 0] < lowest)
    ]
