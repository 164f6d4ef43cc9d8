"""Live (tweet, author) pairs of tags in packed arrays, and what they come to in each window.

Nothing here depends on the order in which things arrive, or on how often: a tweet that comes twice is kept once, a
delete or a suspension that comes before its tweet is remembered. So what was replayed, late or repeated gives the same
answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.ids import Ids, first_id_at, times_ms
from domain.trends import (
    AUTHORS_MIN,
    DECAY,
    GLOBAL,
    KEPT_MS,
    MINUTE,
    SAMPLES_MAX,
    SLOT_MS,
    TOP_MAX,
    WINDOWS,
    Mention,
    PaneCount,
    Suspension,
    Trend,
    Window,
    merged,
)
from domain.tweets import folded_tag

_PAIR = np.dtype([("tweet", "u8"), ("author", "u8"), ("series", "u4"), ("spelling", "u4")])
_Pairs = npt.NDArray[np.void]
_NO_PAIRS: _Pairs = np.empty(0, _PAIR)
_Series = npt.NDArray[np.int64]
_WEIGHTS = {window.name: [DECAY**i for i in range(window.n)] for window in WINDOWS.values()}


class _Numbers:
    """Numbers for what is too long to repeat in every pair."""

    def __init__(self) -> None:
        self.names: list[tuple[str, ...]] = []
        self._numbers: dict[tuple[str, ...], int] = {}

    def of(self, *name: str) -> int:
        """The number of a name, a new one if it has none."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number

    def keep(self, used: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
        """Forget all but some numbers and count anew; where each old number is now."""
        moved = np.zeros(len(self.names), np.uint32)
        moved[used] = np.arange(len(used))
        self.names = [self.names[number] for number in used.tolist()]
        self._numbers = {name: number for number, name in enumerate(self.names)}
        return moved


class _Pane(NamedTuple):
    """What a pane comes to, per series that occurs in it."""

    series: _Series
    counts: npt.NDArray[np.int64]
    authors: npt.NDArray[np.int64]


@dataclass(slots=True)
class _Changes:
    """What came since the last look; it is sorted in when somebody looks."""

    pairs: list[tuple[int, int, int, int]] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    suspensions: list[Suspension] = field(default_factory=list)


class TagBucket:
    """The live pairs of some tags, at every place."""

    def __init__(self) -> None:
        self._series = _Numbers()
        self._spellings = _Numbers()
        self._slots: dict[int, _Pairs] = {}
        self._deleted: set[int] = set()
        self._suspensions: dict[int, Suspension] = {}
        self._changes = _Changes()
        self._floor_ms = 0
        self._panes: dict[tuple[str, int], _Pane] = {}
        self._changed_minutes: set[tuple[int, int]] = set()

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_panes": {}}

    @property
    def pairs(self) -> int:
        """Pairs kept, those at several places counted at each."""
        return sum(map(len, self._slots.values())) + len(self._changes.pairs)

    def add(self, mentions: Iterable[Mention]) -> int:
        """Take in mentions of this bucket's tags. Returns how many were left out, as no window reaches back to them."""
        late = 0
        floor = first_id_at(self._floor_ms)
        pairs = self._changes.pairs
        for mention in mentions:
            if mention.tweet < floor:
                late += 1
                continue
            folded = folded_tag(mention.tag)
            spelling = self._spellings.of(mention.tag)
            for place in (GLOBAL, *mention.places):
                pairs.append((mention.tweet, mention.author, self._series.of(place, folded), spelling))
        return late

    def delete(self, tweets: Iterable[int]) -> None:
        """Take tweets out of every pane, whether they have come yet or not."""
        floor = first_id_at(self._floor_ms)
        self._changes.deleted.update(tweet for tweet in tweets if tweet >= floor)

    def suspend(self, suspensions: Iterable[Suspension]) -> None:
        """Leave authors out, or count them again; of several for an author, the one with the greatest event stands."""
        floor = first_id_at(self._floor_ms)
        self._changes.suspensions += [each for each in suspensions if each.event >= floor]

    def top(self, window: Window, as_of_ms: int) -> dict[str, list[Trend]]:
        """The top of every place in the window that ends at a wall time; later tweets do not count.

        Follows the specification: with a_i distinct authors in pane i (0 is the open one), D = sum of 0.95^i a_i over
        the window, E the same over the panes before it, score = (D - E)^2 / (E + 1) if D > E and the tag has three
        authors in the window, else 0. Sums run from the open pane back, so equal histories give equal floats.
        """
        self._settle()
        size = len(self._series.names)
        weights = _WEIGHTS[window.name]
        counts, previous = np.zeros(size, np.int64), np.zeros(size, np.int64)
        now, before = np.zeros(size), np.zeros(size)
        least, most = np.zeros(size, np.int64), np.zeros(size, np.int64)
        for i, pane in self._panes_of(window, as_of_ms):
            if i < window.n:
                counts[pane.series] += pane.counts
                now[pane.series] += weights[i] * pane.authors
                least[pane.series] = np.maximum(least[pane.series], pane.authors)
                most[pane.series] += pane.authors
            else:
                previous[pane.series] += pane.counts
                before[pane.series] += weights[i - window.n] * pane.authors
        excess = now - before
        scores = np.where(excess > 0, excess * excess / (before + 1), 0.0)
        scores[most < AUTHORS_MIN] = 0
        pairs = self._pairs_in(_pane_start(window, as_of_ms, window.n - 1), as_of_ms + 1)
        unsure = np.flatnonzero((scores > 0) & (least < AUTHORS_MIN))
        authors = _authors_of(pairs, unsure, size)
        scores[unsure[authors[unsure] < AUTHORS_MIN]] = 0
        return self._described(pairs, self._shown(scores, counts), scores, counts, previous)

    def changed_minutes(self) -> list[PaneCount]:
        """What the panes of a minute that changed since the last call hold now, over all places."""
        self._settle()
        changed, self._changed_minutes = self._changed_minutes, set()
        found: list[PaneCount] = []
        for series, number in sorted(changed):
            place, folded = self._series.names[series]
            if place == GLOBAL:
                pane = self._pane(MINUTE, number)
                at = int(np.searchsorted(pane.series, series))
                held = at < len(pane.series) and int(pane.series[at]) == series
                sizes = (int(pane.counts[at]), int(pane.authors[at])) if held else (0, 0)
                found.append(PaneCount(folded, number, *sizes))
        return found

    def forget_before(self, as_of_ms: int) -> None:
        """Let go of what no window reaches any more from a wall time on."""
        floor_ms = (as_of_ms // SLOT_MS + 1) * SLOT_MS - KEPT_MS
        if floor_ms <= self._floor_ms:
            return
        self._settle()
        self._floor_ms = floor_ms
        self._slots = {slot: pairs for slot, pairs in self._slots.items() if slot * SLOT_MS >= floor_ms}
        self._deleted = {tweet for tweet in self._deleted if tweet >= first_id_at(floor_ms)}
        self._forget_suspensions()
        self._panes = {
            (name, number): pane
            for (name, number), pane in self._panes.items()
            if number > as_of_ms // WINDOWS[name].pane_ms - 2 * WINDOWS[name].n
        }
        self._renumber()

    # --------------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Sort in what came, each pair once, and take out what was deleted."""
        changes, self._changes = self._changes, _Changes()
        self._deleted |= changes.deleted
        if changes.pairs:
            new = np.array(changes.pairs, _PAIR)
            if self._deleted:
                new = new[~np.isin(new["tweet"], _ids(self._deleted))]
            slots = times_ms(new["tweet"]) // SLOT_MS
            for slot in np.unique(slots).tolist():
                self._add_to(slot, new[slots == slot])
        if changes.deleted:
            gone = _ids(changes.deleted)
            for slot in np.unique(times_ms(gone) // SLOT_MS).tolist():
                held = self._slots.get(slot, _NO_PAIRS)
                dead = np.isin(held["tweet"], gone)
                if dead.any():
                    self._touch(held[dead])
                    self._slots[slot] = held[~dead]
        if changes.suspensions:
            self._suspend(changes.suspensions)

    def _suspend(self, suspensions: list[Suspension]) -> None:
        authors = _ids({suspension.author for suspension in suspensions})
        for suspension in suspensions:
            held = self._suspensions.get(suspension.author, suspension)
            self._suspensions[suspension.author] = max(held, suspension)
        for pairs in self._slots.values():
            theirs = np.isin(pairs["author"], authors)
            if theirs.any():
                self._touch(pairs[theirs])

    def _add_to(self, slot: int, new: _Pairs) -> None:
        held = self._slots.get(slot, _NO_PAIRS)
        both = np.concatenate((held, new))
        order = np.lexsort((both["series"], both["tweet"]))  # stable: of two the same, the one that was held is first
        both = both[order]
        first = _starts(both["tweet"], both["series"])
        added = both[first[order[first] >= len(held)]]
        if len(added):
            self._touch(added)
            self._slots[slot] = both[first]

    def _touch(self, pairs: _Pairs) -> None:
        """Forget what the panes of some pairs came to."""
        made_ms = times_ms(pairs["tweet"])
        for window in WINDOWS.values():
            for number in np.unique(made_ms // window.pane_ms).tolist():
                self._panes.pop((window.name, number), None)
        self._changed_minutes.update(zip(pairs["series"].tolist(), (made_ms // MINUTE.pane_ms).tolist(), strict=True))

    def _panes_of(self, window: Window, as_of_ms: int) -> Iterator[tuple[int, _Pane]]:
        """The panes that hold anything, the open one first, with how far back each is."""
        open_ = as_of_ms // window.pane_ms
        yield 0, _pane_of(self._pairs_in(open_ * window.pane_ms, as_of_ms + 1))
        oldest_ms = min(self._slots, default=0) * SLOT_MS
        for i in range(1, 2 * window.n):
            if (open_ - i + 1) * window.pane_ms <= oldest_ms:
                return
            yield i, self._pane(window, open_ - i)

    def _pane(self, window: Window, number: int) -> _Pane:
        pane = self._panes.get((window.name, number))
        if pane is None:
            pane = _pane_of(self._pairs_in(number * window.pane_ms, (number + 1) * window.pane_ms))
            self._panes[window.name, number] = pane
        return pane

    def _pairs_in(self, from_ms: int, to_ms: int) -> _Pairs:
        """The live pairs of tweets made in [from_ms, to_ms)."""
        first, end = np.uint64(first_id_at(from_ms)), np.uint64(first_id_at(to_ms))
        parts = [
            held[np.searchsorted(held["tweet"], first) : np.searchsorted(held["tweet"], end)]
            for slot in range(from_ms // SLOT_MS, (to_ms - 1) // SLOT_MS + 1)
            if (held := self._slots.get(slot)) is not None
        ]
        found = np.concatenate(parts) if parts else _NO_PAIRS
        if away := {author for author, latest in self._suspensions.items() if latest.suspended}:
            found = found[~np.isin(found["author"], _ids(away))]
        return found

    def _shown(self, scores: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> list[int]:
        """The series that may be among the top of their place: the best by score, then count, then tag."""
        occurring = np.flatnonzero(counts)
        best = occurring[np.lexsort((-counts[occurring], -scores[occurring]))]
        by_place: dict[str, list[int]] = {}
        for series in best.tolist():
            of_place = by_place.setdefault(self._series.names[series][0], [])
            last = of_place[-1] if len(of_place) >= TOP_MAX else None
            if last is None or (scores[last], counts[last]) == (scores[series], counts[series]):
                of_place.append(series)
        return [series for of_place in by_place.values() for series in of_place]

    def _described(
        self,
        pairs: _Pairs,
        shown: list[int],
        scores: npt.NDArray[np.float64],
        counts: npt.NDArray[np.int64],
        previous: npt.NDArray[np.int64],
    ) -> dict[str, list[Trend]]:
        found: dict[str, list[Trend]] = {}
        for series, own in _by_series(pairs, np.array(shown, np.int64), len(self._series.names)):
            place, folded = self._series.names[series]
            trend = Trend(
                tag=self._spelling(own["spelling"]),
                folded=folded,
                count=int(counts[series]),
                unique_authors=len(np.unique(own["author"])),
                previous=int(previous[series]),
                score=float(scores[series]),
                since=int(own["tweet"][0]),
                tweets=tuple(own["tweet"][: -SAMPLES_MAX - 1 : -1].tolist()),
            )
            found.setdefault(place, []).append(trend)
        return {place: merged((trends,)) for place, trends in found.items()}

    def _spelling(self, spellings: npt.NDArray[np.uint32]) -> str:
        """The most used spelling; of several, the first in the order of code points."""
        numbers, uses = np.unique(spellings, return_counts=True)
        most = numbers[uses == uses.max()].tolist()
        return min(str(self._spellings.names[number][0]) for number in most)

    def _forget_suspensions(self) -> None:
        """Keep those that are young, or still hide something."""
        floor = first_id_at(self._floor_ms)
        old = {author for author, latest in self._suspensions.items() if latest.event < floor}
        for pairs in self._slots.values() if old else ():
            old.difference_update(pairs["author"].tolist())
        for author in old:
            del self._suspensions[author]

    def _renumber(self) -> None:
        """Forget the names that no pair uses any more, once they are the greater part."""
        for column, numbers in (("series", self._series), ("spelling", self._spellings)):
            parts = [np.unique(pairs[column]) for pairs in self._slots.values()]
            used = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.uint32)
            if 2 * len(used) >= len(numbers.names):
                continue
            changed = [(self._series.names[series], pane) for series, pane in self._changed_minutes]
            moved = numbers.keep(used)
            for slot, pairs in self._slots.items():
                pairs = pairs.copy()
                pairs[column] = moved[pairs[column]]
                self._slots[slot] = pairs
            if column == "series":
                self._panes = {}
                self._changed_minutes = {(self._series.of(*name), pane) for name, pane in changed}
                # An order by (tweet, series) is kept: numbers move closer, none past another.


def _pane_start(window: Window, as_of_ms: int, back: int) -> int:
    return (as_of_ms // window.pane_ms - back) * window.pane_ms


def _ids(tweets: set[int]) -> Ids:
    return np.fromiter(tweets, np.uint64, len(tweets))


def _pane_of(pairs: _Pairs) -> _Pane:
    order = np.lexsort((pairs["author"], pairs["series"]))
    series, authors = pairs["series"][order], pairs["author"][order]
    starts = _starts(series)
    counts = np.diff(np.append(starts, len(series)))[: len(starts)]
    distinct = np.diff(np.searchsorted(_starts(series, authors), np.append(starts, len(series))))[: len(starts)]
    return _Pane(series[starts].astype(np.int64), counts, distinct)


def _authors_of(pairs: _Pairs, wanted: _Series, size: int) -> npt.NDArray[np.int64]:
    """Distinct authors per series, for the wanted ones; 0 elsewhere."""
    authors = np.zeros(size, np.int64)
    pane = _pane_of(_only(pairs, wanted, size))
    authors[pane.series] = pane.authors
    return authors


def _by_series(pairs: _Pairs, wanted: _Series, size: int) -> Iterator[tuple[int, _Pairs]]:
    """The pairs of each wanted series, oldest tweet first."""
    own = _only(pairs, wanted, size)
    own = own[np.argsort(own["series"], kind="stable")]
    starts = _starts(own["series"])
    ends = np.append(starts[1:], len(own))[: len(starts)]
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        yield int(own["series"][start]), own[start:end]


def _starts(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each run of equal rows begins in sorted columns."""
    changed = np.zeros(len(columns[0]), bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(changed)


def _only(pairs: _Pairs, wanted: _Series, size: int) -> _Pairs:
    is_wanted = np.zeros(size, bool)
    is_wanted[wanted] = True
    only: _Pairs = pairs[is_wanted[pairs["series"]]]
    return only
