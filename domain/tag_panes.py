"""Pairs of tweet and author as packed arrays, and what panes of them come to.

A series is a hashtag at a place, by number. Arrays have one element a pair, or a series.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.trends import DECAY, WINDOWS

PAIR = np.dtype([("tweet", "u8"), ("author", "u8"), ("series", "u4"), ("spelling", "u4")])
Pairs = npt.NDArray[np.void]
NO_PAIRS: Pairs = np.empty(0, PAIR)
Series = npt.NDArray[np.int64]
NO_SERIES: Series = np.empty(0, np.int64)
_WEIGHTS = [DECAY**i for i in range(max(window.n for window in WINDOWS.values()))]


class Pane(NamedTuple):
    """What a pane comes to, per series that occurs in it."""

    series: Series
    counts: npt.NDArray[np.int64]
    authors: npt.NDArray[np.int64]

    def of(self, wanted: Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Counts and authors of some series in ascending order, 0 where they do not occur."""
        counts, authors = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        here = np.isin(wanted, self.series)
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
        self.authors = np.bincount(series, authors, size)
        """Not distinct: who tweeted in two panes counts twice."""
        self.decayed = np.bincount(series, weights * authors, size)
        self.most_authors = np.zeros(size, np.int64)
        np.maximum.at(self.most_authors, series, authors)


def pane_of(pairs: Pairs) -> Pane:
    """What some pairs, each there once, come to."""
    order = np.lexsort((pairs["author"], pairs["series"]))
    series, authors = pairs["series"][order], pairs["author"][order]
    starts = starts_of(series)
    counts = np.diff(np.append(starts, len(series)))[: len(starts)]
    distinct = np.diff(np.searchsorted(starts_of(series, authors), np.append(starts, len(series))))[: len(starts)]
    return Pane(series[starts].astype(np.int64), counts, distinct)


def authors_of(pairs: Pairs, wanted: Series, size: int) -> npt.NDArray[np.int64]:
    """Distinct authors per series, for the wanted ones; 0 elsewhere."""
    authors = np.zeros(size, np.int64)
    pane = pane_of(only(pairs, wanted, size))
    authors[pane.series] = pane.authors
    return authors


def starts_of(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each run of equal rows begins in sorted columns."""
    changed = np.zeros(len(columns[0]), bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def only(pairs: Pairs, wanted: Series, size: int) -> Pairs:
    """The pairs of the wanted among `size` series, in their order."""
    is_wanted = np.zeros(size, bool)
    is_wanted[wanted] = True
    only: Pairs = pairs[is_wanted[pairs["series"]]]
    return only
