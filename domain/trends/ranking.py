"""The top series of every place, and their trends."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from domain.columns import starts_of
from domain.trends.interning import Codes
from domain.trends.panes import Pairs, Series, Sums, distinct
from domain.trends.tag_counts import AUTHORS_MIN, SAMPLES_MAX, TOP_MAX, Trend, merged

Names = Sequence[tuple[str, str]]
"""(place, normalized tag) of each series."""
Scores = npt.NDArray[np.float64]


class _Chosen:
    """Some of `size` series and their pairs."""

    def __init__(self, series: Series, pairs: Pairs, size: int) -> None:
        self.series = series
        rank = np.full(size, len(series), np.min_scalar_type(len(series)))
        rank[series] = np.arange(len(series))
        ranks = rank[pairs.series]
        own = (ranks < len(series)).nonzero()[0]
        self.rows = own[np.argsort(ranks[own], kind="stable")]
        """The rows of their pairs, in the order of the series."""
        self.authors = distinct(ranks[own], pairs.author[own], len(series))
        """The number of authors of each."""


def top_of(pairs: Pairs, sums: Sums, places: Series, names: Names, spellings: Sequence[str]) -> dict[str, list[Trend]]:
    """The top of every place, from the pairs in a window and the sums of its panes.

    With D = sum of 0.95^i a_i over the window and E the same over the panes before it, score = (D - E)^2 / (E + 1) if
    D > E and the tag has three authors in the window, else 0.
    """
    size = len(names)
    excess = np.maximum(sums.decayed - sums.decayed_before, 0)
    scores = excess * excess / (sums.decayed_before + 1) * sums.several
    shown = _Chosen(_best(scores, sums.counts, places, names), pairs, size)
    if np.any(scores[shown.series][shown.authors < AUTHORS_MIN]):  # `several` was not enough to tell
        scored = _Chosen(np.flatnonzero(scores), pairs, size)
        scores[scored.series[scored.authors < AUTHORS_MIN]] = 0
        shown = _Chosen(_best(scores, sums.counts, places, names), pairs, size)
    return _trends(pairs, shown, scores, sums, names, spellings)


def _best(scores: Scores, counts: Series, places: Series, names: Names) -> Series:
    """The top series of every place: the best by score, then count, then tag."""
    occurring = np.flatnonzero(counts)
    places = places[occurring]
    by_place, best = np.argsort(places, kind="stable"), list[int]()
    for rest in np.split(occurring[by_place], starts_of(places[by_place])[1:]):
        left = TOP_MAX
        for column in (scores, counts):
            if len(rest) > left:
                values = column[rest]
                last = np.partition(values, -left)[-left]
                sure = rest[values > last]
                best += sure.tolist()
                rest, left = rest[values == last], left - len(sure)
        best += rest.tolist() if len(rest) <= left else nsmallest(left, rest.tolist(), key=lambda of: names[of][1])
    return np.array(best, np.int64)


def _trends(
    pairs: Pairs, shown: _Chosen, scores: Scores, sums: Sums, names: Names, spellings: Sequence[str]
) -> dict[str, list[Trend]]:
    """The shown series as trends, from the pairs in the window."""
    rows, counts = shown.rows, sums.counts[shown.series]
    ends = np.cumsum(counts)
    starts = ends - counts
    latest = np.maximum(ends[:, None] - 1 - np.arange(SAMPLES_MAX), starts[:, None])
    found = defaultdict[str, list[Trend]](list)
    for series, tag, count, authors, before, score, since, tweets in zip(
        shown.series.tolist(),
        _most_used(pairs.spelling[rows], starts, ends, spellings),
        counts.tolist(),
        shown.authors.tolist(),
        sums.counts_before[shown.series].tolist(),
        scores[shown.series].tolist(),
        pairs.tweet[rows[starts]].tolist(),
        pairs.tweet[rows[latest]].tolist(),
        strict=True,
    ):
        place, normalized_tag = names[series]
        trend = Trend(
            tag=tag,
            normalized_tag=normalized_tag,
            count=count,
            unique_authors=authors,
            previous=before,
            score=score,
            since=since,
            tweets=tuple(tweets[:count]),
        )
        found[place].append(trend)
    return {place: merged((trends,)) for place, trends in found.items()}


def _most_used(codes: Codes, starts: Series, ends: Series, spellings: Sequence[str]) -> Iterator[str]:
    """The most used spelling of each run of occurrences; of several, the first in the order of code points."""
    least, most = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
    for start, end, only, other in zip(*map(np.ndarray.tolist, (starts, ends, least, most)), strict=True):
        if only == other:
            yield spellings[only]
        else:
            kinds, used = np.unique(codes[start:end], return_counts=True)
            yield min(spellings[kind] for kind in kinds[used == used.max()].tolist())
