"""Occurrences of hashtags in tweets, and the counts of a tag in a window or a minute."""

import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

import msgspec

GLOBAL = ""
"""The place that every tweet belongs to."""
TAG_BUCKETS = 4
"""Tags are spread over so many keys of state, and so no more workers; fixed, as snapshots are kept by it."""
TOP_MAX = 50
SAMPLES_MAX = 3
"""The latest tweets that a trend shows."""
AUTHORS_MIN = 3
"""A tag with fewer authors in the window has no score."""

PlacedTag = tuple[str, tuple[str, ...]]
"""A tag as it is written, and every place that its tweet belongs to."""


class TagOccurrences(NamedTuple):
    """Live tweets, each with its author and one of its tags, as columns."""

    tweets: list[int]
    authors: list[int]
    tags: list[PlacedTag]

    def since(self, floor: int) -> "TagOccurrences":
        """Those of tweets from an id on."""
        kept = [tweet >= floor for tweet in self.tweets]
        return TagOccurrences._make([*compress(column, kept)] for column in self)


class Suspension(NamedTuple):
    """An author's tweets are live no longer, or again, until an event with a greater id says otherwise."""

    author: int
    event: int
    suspended: bool


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


def bucket_of(normalized_tag: str) -> int:
    return zlib.crc32(normalized_tag.encode()) % TAG_BUCKETS


def merged(parts: Iterable[Sequence[Trend]]) -> list[Trend]:
    """The top of several buckets' tops."""
    return sorted((trend for part in parts for trend in part), key=lambda trend: trend.rank)[:TOP_MAX]
