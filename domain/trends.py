"""Hashtag trends: the windows, and what is said of a tag in one. How it is found: `domain.tag_bucket`.

Panes are aligned to multiples of their length since the epoch; a window is its open pane and the n - 1 before it
(Li et al., No Pane, No Gain, SIGMOD Record 34(1), 2005).
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
DECAY = 0.95
"""What a pane weighs, of the one after it."""
SLOT_MS = 900_000
"""Pairs are kept by quarter of an hour, the longest pane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of `n` panes; twice as many are looked at, the earlier half for comparison."""

    name: str
    pane_ms: int
    n: int

    @property
    def span_ms(self) -> int:
        """The length of the window."""
        return self.pane_ms * self.n


WINDOWS = {
    window.name: window
    for window in (
        Window(name="5m", pane_ms=10_000, n=30),
        Window(name="60m", pane_ms=60_000, n=60),
        Window(name="24h", pane_ms=SLOT_MS, n=96),
    )
}
KEPT_MS = 2 * max(window.span_ms for window in WINDOWS.values())
"""How far back pairs are kept: the longest window, and the one it is compared with."""
MINUTE = WINDOWS["60m"]
"""The window whose panes, of a minute each, are kept as history."""


Use = tuple[str, tuple[str, ...]]
"""A tag as it is written, and every place that the tweet belongs to."""


class Mentions(NamedTuple):
    """Live tweets, each with its author and one of its tags, as columns."""

    tweets: list[int]
    authors: list[int]
    uses: list[Use]

    def since(self, floor: int) -> "Mentions":
        """Those of tweets from an id on."""
        kept = [tweet >= floor for tweet in self.tweets]
        return Mentions([*compress(self.tweets, kept)], [*compress(self.authors, kept)], [*compress(self.uses, kept)])


class Suspension(NamedTuple):
    """An author's tweets are live no longer, or again, until an event with a greater id says otherwise."""

    author: int
    event: int
    suspended: bool


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """A tag in a window at a place; `since` is its first live tweet there, `tweets` its latest ones, newest first."""

    tag: str
    folded: str
    count: int
    unique_authors: int
    previous: int
    score: float
    since: int
    tweets: tuple[int, ...]

    @property
    def rank(self) -> tuple[float, int, str]:
        """Trends are ordered by this, smallest first."""
        return -self.score, -self.count, self.folded


class PaneCount(msgspec.Struct, frozen=True):
    """What a tag's pane of a minute holds now, everywhere."""

    folded: str
    pane: int
    count: int
    unique_authors: int


def bucket_of(folded: str) -> int:
    """The bucket that keeps a tag."""
    return zlib.crc32(folded.encode()) % TAG_BUCKETS


def merged(parts: Iterable[Sequence[Trend]]) -> list[Trend]:
    """The top of several buckets' tops."""
    return sorted((trend for part in parts for trend in part), key=lambda trend: trend.rank)[:TOP_MAX]
