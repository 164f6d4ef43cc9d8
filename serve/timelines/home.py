"""The home timeline: cached entries first, then on through Cassandra to the true end."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from domain.columns import in_sorted
from domain.ids import UserId
from domain.timeline import NO_ENTRIES, Entries, newer_duplicates, newest_first
from domain.visibility import HOME
from serve.reading.pipeline import Candidate, Page
from serve.reading.tweet_reader import TweetReader
from serve.timelines.filters import EVERYTHING, EntryFilter
from serve.timelines.home_lists import HomeList
from storage.cache_codec import CachedTweet
from storage.ports.tweets import TweetStore
from telemetry import metrics

_READS_AT_ONCE = 64


class BelowFloor:
    """One walk down through the entries of some authors, merged from Cassandra to the true end."""

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
        lowest = entries[-1, 0] if len(entries) else 0
        self._authors = [
            author
            for author, part in zip(self._authors, parts, strict=True)
            if len(part) == want or (len(part) and part[-1, 0] < lowest)
        ]
        return entries


class Home:
    """One reading of the home timeline of a reader, as a walk sees it from whose top on the list was `found`.

    A walk of pages shows every entry that was settled before it began and stayed visible once. In the cached part a
    tweet that several entries show stands at the newest of them at or below the top of the walk.
    """

    def __init__(
        self, reader: TweetReader, found: HomeList, tweets: TweetStore, wanted: EntryFilter = EVERYTHING
    ) -> None:
        assert found.entries.floor is not None, "what is merged has a floor"
        assert reader.viewer is not None, "somebody's home"
        self._reader, self._viewer = reader, reader.viewer
        self._followees = found.followees
        self._entries, self._floor = found.entries.entries, found.entries.floor
        self._duplicates = newer_duplicates(self._entries)
        self._tweets = tweets
        self._wanted = wanted
        self._below: BelowFloor | None = None
        self.page: Page[CachedTweet] = Page(skeleton=self._candidates, rules=self._rules, others=self._newer)

    @property
    def went_below(self) -> bool:
        """True if it went on in Cassandra."""
        return self._below is not None

    async def _candidates(self, before: int, want: int) -> Sequence[Candidate]:
        left = self._entries[self._entries[:, 0] < np.uint64(before)][:want, 0].tolist()
        if len(left) < want and self._floor > 0:
            more = await self._below_floor().next(min(before, self._floor + 1), want - len(left))
            left += more[:, 0].tolist()
        return [Candidate(entry, entry) for entry in left]

    def _newer(self, entries: Sequence[int]) -> Iterable[int]:
        """The newer entries that show the same tweets as some entries."""
        return (newer for entry in entries for newer in self._duplicates.get(entry, ()))

    def _rules(self, tweets: Mapping[int, CachedTweet]) -> Callable[[int], bool]:
        """Only what is wanted by followees or the reader is shown, and a tweet not again below a newer entry of it."""
        authors = np.fromiter({tweet.author for tweet in tweets.values()}, np.uint64)
        shown_of = {*authors[in_sorted(authors, self._followees)].tolist(), self._viewer}

        seen = self._reader.seen_on(HOME)

        def visible(entry: int) -> bool:
            if not seen(entry) or tweets[entry].author not in shown_of:
                return False
            return self._wanted is EVERYTHING or self._wanted.takes(tweets[entry])

        if not self._duplicates:
            return visible
        return lambda entry: visible(entry) and not any(map(visible, self._duplicates.get(entry, ())))

    def _below_floor(self) -> BelowFloor:
        if self._below is None:
            metrics.SAFEGUARDS.record(safeguard="below_floor")
            self._below = BelowFloor(self._tweets, {*self._followees.tolist(), self._viewer})
        return self._below
