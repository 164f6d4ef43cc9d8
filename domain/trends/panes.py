"""Pairs of tweet and author as packed arrays, and the counts of panes over them.

A series is a hashtag at a place. Series, authors and spellings are codes (`domain.trends.interning`). Arrays have one
element a pair, or a series.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.columns import in_sorted, lengths_of, run_changes, starts_of
from domain.ids import Ids
from domain.trends.interning import Codes
from domain.trends.tag_counts import AUTHORS_MIN
from domain.trends.windows import DECAY, WINDOWS

Series = npt.NDArray[np.int64]
NO_SERIES: Series = np.empty(0, np.int64)
Keys = npt.NDArray[np.uint64]
"""Two numbers in one: what is sorted by one and then the other is sorted as plain integers, ten times as fast."""
_WEIGHTS = [DECAY**i for i in range(max(window.n for window in WINDOWS.values()))]
_HALF = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)


@dataclass(slots=True)
class Pairs:
    """Pairs as columns: tweet ids (u64), and codes of authors, series and spellings (u32)."""

    tweet: Ids
    author: Codes
    series: Codes
    spelling: Codes

    def __len__(self) -> int:
        return len(self.tweet)

    def __getitem__(self, rows: slice | npt.NDArray[Any]) -> "Pairs":
        return Pairs(self.tweet[rows], self.author[rows], self.series[rows], self.spelling[rows])


_NO_CODES: Codes = np.empty(0, np.uint32)
NO_PAIRS = Pairs(np.empty(0, np.uint64), _NO_CODES, _NO_CODES, _NO_CODES)


def concatenated(parts: Sequence[Pairs]) -> Pairs:
    """Some pairs after others."""
    if len(parts) == 1:
        return parts[0]
    columns = ([getattr(part, column.name) for part in (NO_PAIRS, *parts)] for column in fields(Pairs))
    return Pairs(*map(np.concatenate, columns))


def order_of(pairs: Pairs) -> npt.NDArray[np.intp]:
    """The order of pairs by tweet and series; of two the same, the first stays first."""
    return np.lexsort((pairs.series, pairs.tweet))


class Pane(NamedTuple):
    """Counts of a pane, per series that occurs in it."""

    series: Series
    counts: npt.NDArray[np.int64]
    authors: npt.NDArray[np.int64]

    def of(self, wanted: Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Counts and authors of some series in ascending order, 0 where they do not occur."""
        counts, authors = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        here = in_sorted(wanted, self.series)
        at = self.series.searchsorted(wanted[here])
        counts[here], authors[here] = self.counts[at], self.authors[at]
        return counts, authors


_NO_PANE = Pane(NO_SERIES, NO_SERIES, NO_SERIES)


class Sums:
    """Panes of a window added up by series, newest first, and those of as many panes before it."""

    def __init__(self, panes: Sequence[tuple[int, Pane]], n: int, size: int) -> None:
        """`panes` with how far back each is; `n` of them make a window, and there are `size` series."""
        lengths = [len(pane.series) for _, pane in panes]
        columns = zip(_NO_PANE, *(pane for _, pane in panes), strict=True)
        series, counts, authors = map(np.concatenate, columns)
        weighed = np.repeat([_WEIGHTS[back % n] for back, _ in panes], lengths) * authors
        in_window = sum(length for (back, _), length in zip(panes, lengths, strict=True) if back < n)
        inside, outside = series[:in_window], series[in_window:]
        self.counts = np.bincount(inside, counts[:in_window], size).astype(np.int64)
        self.counts_before = np.bincount(outside, counts[in_window:], size).astype(np.int64)
        self.decayed = np.bincount(inside, weighed[:in_window], size)
        self.decayed_before = np.bincount(outside, weighed[in_window:], size)
        self.several = np.bincount(inside, authors[:in_window], size) >= AUTHORS_MIN
        """Mask of series that may have authors enough: one who tweeted in two panes is counted twice here."""


def pane_of(pairs: Pairs) -> Pane:
    """The pane of some pairs, each there once."""
    if not len(pairs):
        return _NO_PANE
    keys = packed(pairs.series, pairs.author)
    keys.sort()
    series = (keys >> _HALF).astype(np.int64)
    starts = starts_of(series)
    return Pane(
        series[starts], lengths_of(starts, len(keys)), np.add.reduceat(run_changes(keys), starts, dtype=np.int64)
    )


def distinct(groups: npt.NDArray[Any], members: npt.NDArray[Any], size: int) -> npt.NDArray[np.int64]:
    """The number of different members of each of `size` groups."""
    keys = packed(groups, members)
    keys.sort()
    return np.bincount((keys[run_changes(keys)] >> _HALF).astype(np.int64), minlength=size)


def packed(high: npt.NDArray[Any], low: npt.NDArray[Any]) -> Keys:
    """Two columns of numbers as one."""
    keys: Keys = (high.astype(np.uint64) << _HALF) | low
    return keys


def unpacked(keys: Keys) -> tuple[Series, Series]:
    return (keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64)
