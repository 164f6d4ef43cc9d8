"""Pairs of tweet and author as packed arrays, and what panes of them come to.

A series is a hashtag at a place. Series, authors and spellings are numbers (`domain.numbering`). Arrays have one
element a pair, or a series.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.ids import Ids
from domain.trends import AUTHORS_MIN, DECAY, WINDOWS

PAIR = np.dtype([("tweet", "u8"), ("author", "u4"), ("series", "u4"), ("spelling", "u4")])
Pairs = npt.NDArray[np.void]
NO_PAIRS: Pairs = np.empty(0, PAIR)
Series = npt.NDArray[np.int64]
NO_SERIES: Series = np.empty(0, np.int64)
Keys = npt.NDArray[np.uint64]
"""Two numbers in one: what is sorted by one and then the other is sorted as plain integers, ten times as fast."""
_WEIGHTS = [DECAY**i for i in range(max(window.n for window in WINDOWS.values()))]
_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)


class Pane(NamedTuple):
    """What a pane comes to, per series that occurs in it."""

    series: Series
    counts: npt.NDArray[np.int64]
    authors: npt.NDArray[np.int64]

    def of(self, wanted: Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Counts and authors of some series in ascending order, 0 where they do not occur."""
        counts, authors = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        here = is_among(wanted, self.series)
        at = np.searchsorted(self.series, wanted[here])
        counts[here], authors[here] = self.counts[at], self.authors[at]
        return counts, authors


class Sums:
    """Panes added up by series, the newest first: how far back each is says how much its authors weigh."""

    def __init__(self, panes: Sequence[tuple[int, Pane]], size: int) -> None:
        series = np.concatenate([NO_SERIES, *(pane.series for _, pane in panes)])
        authors = np.concatenate([NO_SERIES, *(pane.authors for _, pane in panes)])
        weights = np.repeat([_WEIGHTS[i] for i, _ in panes], [len(pane.series) for _, pane in panes])
        counts = np.concatenate([NO_SERIES, *(pane.counts for _, pane in panes)])
        self.counts = np.bincount(series, counts, size).astype(np.int64)
        self.decayed = np.bincount(series, weights * authors, size)
        self.several = np.bincount(series, authors, size) >= AUTHORS_MIN
        """Whether there may be authors enough: one who tweeted in two panes is counted twice here."""
        self.enough = np.zeros(size, bool)
        """Whether there are authors enough in one pane alone."""
        self.enough[series[authors >= AUTHORS_MIN]] = True


def pane_of(pairs: Pairs) -> Pane:
    """What some pairs, each there once, come to."""
    keys = np.sort(joined(pairs["series"], pairs["author"]))
    starts = starts_of(keys >> _HALF)
    counts = np.diff(np.append(starts, len(keys)))
    distinct = np.add.reduceat(differs(keys), starts, dtype=np.int64) if len(keys) else NO_SERIES
    return Pane((keys[starts] >> _HALF).astype(np.int64), counts, distinct)


def distinct(groups: npt.NDArray[Any], members: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """How many different members each of `size` groups has."""
    keys = np.sort(joined(groups, members))
    return np.bincount((keys[differs(keys)] >> _HALF).astype(np.int64), minlength=size)


def joined(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> Keys:
    """Two columns of numbers as one."""
    keys: Keys = (high.astype(np.uint64) << _HALF) | low
    return keys


def parted(keys: Keys) -> tuple[Series, Series]:
    """The two columns of joined ones."""
    return (keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64)


def differs(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a column is not what it is one row further up; so in the first row."""
    changed = np.ones(len(column), bool)
    np.not_equal(column[1:], column[:-1], out=changed[1:])
    return changed


def starts_of(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each run of equal rows begins in sorted columns."""
    changed = differs(columns[0])
    for column in columns[1:]:
        changed |= differs(column)
    return np.flatnonzero(changed)


def is_among(values: npt.NDArray[Any], held: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of some values are in a sorted array."""
    if not len(held):
        return np.zeros(len(values), bool)
    found: npt.NDArray[np.bool_] = held[np.minimum(np.searchsorted(held, values), len(held) - 1)] == values
    return found


def without(pairs: Pairs, tweets: Ids) -> Pairs:
    """Pairs, sorted by tweet, less those of some tweets; the same array if it has none of them."""
    first, end = np.searchsorted(pairs["tweet"], tweets), np.searchsorted(pairs["tweet"], tweets, "right")
    if np.array_equal(first, end):
        return pairs
    kept = np.ones(len(pairs), bool)
    for start, stop in zip(first.tolist(), end.tolist(), strict=True):
        kept[start:stop] = False
    left: Pairs = pairs[kept]
    return left
