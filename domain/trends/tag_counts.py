"""Occurrences of hashtags in tweets, and the counts of a tag in a window or a minute."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from domain.hashtags import folded_tag
from domain.ids import Ids
from domain.visibility import Reason

GLOBAL = ""
"""The place that every tweet belongs to."""
TAG_BUCKETS = 4
"""Tags are spread over so many keys of state, and so no more workers; fixed, as snapshots are kept by it."""
_TAGS_CACHED_MAX = 1 << 17
TOP_MAX = 50
SAMPLES_MAX = 3
"""The latest tweets that a trend shows."""
AUTHORS_MIN = 3
"""A tag with fewer authors in the window has no score."""

PlacedTag = tuple[str, tuple[str, ...]]
"""A tag as it is written, and every place that its tweet belongs to."""


class TagOccurrences(NamedTuple):
    """Live tweets, each with its author and the code of one of its tags, as columns; and the tags by their codes."""

    tweets: Ids
    authors: Ids
    codes: npt.NDArray[np.intp]
    tags: Sequence[PlacedTag]

    @classmethod
    def of(cls, tweets: Sequence[int], authors: Sequence[int], tags: Iterable[PlacedTag]) -> "TagOccurrences":
        """Occurrences from lists that are equally long."""
        codes = dict[PlacedTag, int]()
        numbered = [codes.setdefault(tag, len(codes)) for tag in tags]
        return cls(np.array(tweets, np.uint64), np.array(authors, np.uint64), np.array(numbered, np.intp), list(codes))

    def by_bucket(self) -> "list[TagOccurrences]":
        """Those of each bucket's tags."""
        if not self.tags:
            return [self] * TAG_BUCKETS
        buckets = np.array([bucket_of(tag) for tag, _ in self.tags], np.intp)
        of_rows, moved, found = buckets[self.codes], np.empty(len(self.tags), np.intp), list[TagOccurrences]()
        for bucket in range(TAG_BUCKETS):
            own, rows = np.flatnonzero(buckets == bucket), np.flatnonzero(of_rows == bucket)
            moved[own] = np.arange(len(own))
            tags = [self.tags[code] for code in own.tolist()]
            found.append(TagOccurrences(self.tweets[rows], self.authors[rows], moved[self.codes[rows]], tags))
        return found

    def since(self, floor: int) -> "TagOccurrences":
        """Those of tweets from an id on."""
        kept = self.tweets >= np.uint64(floor)
        return TagOccurrences(self.tweets[kept], self.authors[kept], self.codes[kept], self.tags)


class Absence(NamedTuple):
    """An author's tweets are not live for a reason, or not any more, until an event with a greater id says otherwise.

    Reasons do not know each other: an author is there if they are absent for none.
    """

    author: int
    reason: Reason
    event: int
    absent: bool


class Trend(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A tag in a window at a place; `since` is its first live tweet there, `tweets` its latest ones, newest first.

    It is an array of its fields in this order wherever it is encoded.
    """

    tag: str
    normalized_tag: str
    count: int
    unique_authors: int
    previous: int
    score: float
    since: int
    tweets: tuple[int, ...]

    @property
    def rank(self) -> tuple[float, int, str]:
        """The key by which trends are sorted, best first."""
        return -self.score, -self.count, self.normalized_tag


class PaneCount(msgspec.Struct, frozen=True):
    """The counts of a tag in a pane of a minute, everywhere, as they are now."""

    normalized_tag: str
    pane: int
    count: int
    unique_authors: int


class Ranking(NamedTuple):
    """The top of every place that has any, in the window open at a wall time."""

    window: str
    as_of_ms: int
    places: Mapping[str, Sequence[Trend]]


@lru_cache(_TAGS_CACHED_MAX)
def bucket_of(tag: str) -> int:
    """The bucket of a tag, however it is spelled."""
    return zlib.crc32(folded_tag(tag).encode()) % TAG_BUCKETS


def merged(parts: Iterable[Sequence[Trend]]) -> list[Trend]:
    """The top of several buckets' tops."""
    return sorted((trend for part in parts for trend in part), key=lambda trend: trend.rank)[:TOP_MAX]
