"""Live (tweet, author) pairs of tags in packed arrays, and what they come to in each window.

Nothing here depends on the order in which things arrive, or on how often: a tweet that comes twice is kept once, a
delete or a suspension that comes before its tweet is remembered. So what was replayed, late or repeated gives the same
answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.ids import Ids, first_id_at, times_ms
from domain.numbering import Number, Numbers
from domain.tag_panes import (
    NO_PAIRS,
    NO_SERIES,
    PAIR,
    Pairs,
    Pane,
    Series,
    Sums,
    differs,
    distinct,
    is_among,
    joined,
    pane_of,
    parted,
    starts_of,
    without,
)
from domain.trends import (
    AUTHORS_MIN,
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

_NO_IDS: Ids = np.empty(0, np.uint64)


class _Uses(dict[tuple[str, tuple[str, ...]], int]):
    """A number for each (tag, places) that tweets come with, and what it stands for: (series, spelling) numbers."""

    def __init__(self, series: Numbers[tuple[str, str]], spellings: Numbers[str]) -> None:
        super().__init__()
        self.rows: list[list[tuple[int, int]]] = []
        self._series = series
        self._spellings = spellings

    def __missing__(self, use: tuple[str, tuple[str, ...]]) -> int:
        (tag, places), folded = use, folded_tag(use[0])
        spelling = self._spellings[tag]
        self.rows.append([(self._series[place, folded], spelling) for place in (GLOBAL, *places)])
        number = self[use] = len(self.rows) - 1
        return number


@dataclass(slots=True)
class _Changes:
    """What came since the last look; it is sorted in when somebody looks. A mention is an element of three columns."""

    tweets: list[int] = field(default_factory=list)
    authors: list[int] = field(default_factory=list)
    uses: list[int] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    suspensions: list[Suspension] = field(default_factory=list)


class TagBucket:
    """The live pairs of some tags, at every place."""

    def __init__(self) -> None:
        self._series: Numbers[tuple[str, str]] = Numbers()
        """Numbers of (place, folded tag)."""
        self._place_numbers: Numbers[str] = Numbers()
        self._place_of = NO_SERIES
        self._spellings: Numbers[str] = Numbers()
        self._authors: Numbers[int] = Numbers()
        self._uses = _Uses(self._series, self._spellings)
        self._slots: dict[int, Pairs] = {}
        """Pairs by quarter of an hour, sorted by tweet and series."""
        self._deleted = _NO_IDS
        self._suspensions: dict[int, Suspension] = {}
        self._changes = _Changes()
        self._floor_ms = 0
        self._panes: dict[tuple[str, int], Pane] = {}
        self._changed_minutes: list[npt.NDArray[np.uint64]] = []
        self.newest = 0
        """The newest tweet that was taken in."""

    @override
    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return {name: value for name, value in self.__dict__.items() if name not in ("_panes", "_uses")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "_panes": {}, "_uses": _Uses(state["_series"], state["_spellings"])}

    @property
    def pairs(self) -> int:
        """Pairs kept, those at several places counted at each."""
        self._settle()
        return sum(map(len, self._slots.values()))

    def add(self, mentions: Iterable[Mention]) -> int:
        """Take in mentions of this bucket's tags. Returns how many were left out, as no window reaches back to them."""
        mentions, floor = list(mentions), first_id_at(self._floor_ms)
        kept = [mention for mention in mentions if mention[0] >= floor]
        if kept:
            tweets, authors, tags, places = zip(*kept, strict=True)
            self.newest = max(self.newest, *tweets)
            self._changes.tweets += tweets
            self._changes.authors += map(self._authors.__getitem__, authors)
            self._changes.uses += map(self._uses.__getitem__, zip(tags, places, strict=True))
        return len(mentions) - len(kept)

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
        size = len(self._series)
        panes = list(self._panes_of(window, as_of_ms))
        inside = Sums([(i, pane) for i, pane in panes if i < window.n], size)
        outside = Sums([(i - window.n, pane) for i, pane in panes if i >= window.n], size)
        now, before = inside.decayed, outside.decayed
        excess = now - before
        scores = np.where(excess > 0, excess * excess / (before + 1), 0.0)
        scores[~inside.several] = 0
        pairs = self._pairs_in(_pane_start(window, as_of_ms, window.n - 1), as_of_ms + 1)
        unsure = np.flatnonzero((scores > 0) & inside.several & ~inside.enough)
        own, ranks = _of(pairs, unsure, size)
        scores[unsure[distinct(ranks, own["author"], len(unsure)) < AUTHORS_MIN]] = 0
        shown = self._shown(scores, inside.counts)
        return self._described(*_of(pairs, shown, size), shown, scores, inside.counts, outside.counts)

    def changed_minutes(self) -> list[PaneCount]:
        """What the panes of a minute that changed since the last call hold now, over all places."""
        self._settle()
        minutes, series = self._waiting()
        self._changed_minutes = []
        everywhere = self._places()[series] == self._place_numbers[GLOBAL]
        minutes, series = minutes[everywhere], series[everywhere]
        names, found = self._series.names, list[PaneCount]()
        for number in minutes[differs(minutes)].tolist():
            changed = series[minutes == number]
            counts, authors = self._pane(MINUTE, number).of(changed)
            tags = (names[series][1] for series in changed.tolist())
            found += map(PaneCount, tags, repeat(number), counts.tolist(), authors.tolist())
        return found

    def forget_before(self, as_of_ms: int) -> None:
        """Let go of what no window reaches any more from a wall time on."""
        floor_ms = (as_of_ms // SLOT_MS + 1) * SLOT_MS - KEPT_MS
        if floor_ms <= self._floor_ms:
            return
        self._settle()
        self._floor_ms = floor_ms
        self._slots = {slot: pairs for slot, pairs in self._slots.items() if slot * SLOT_MS >= floor_ms}
        self._deleted = self._deleted[self._deleted >= np.uint64(first_id_at(floor_ms))]
        oldest = joined(np.array([floor_ms // MINUTE.pane_ms]), np.zeros(1, np.uint64))
        self._changed_minutes = [changed[changed >= oldest] for changed in self._changed_minutes]
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
        gone = np.unique(np.fromiter(changes.deleted, np.uint64))
        if len(gone):
            self._deleted = np.union1d(self._deleted, gone)
        if changes.tweets:
            new = self._pairs_of(changes)
            new = new[~is_among(new["tweet"], self._deleted)]
            slots = times_ms(new["tweet"]) // SLOT_MS
            for slot in slots[differs(slots)].tolist():
                self._add_to(slot, new[slots == slot])
        for slot in np.unique(times_ms(gone) // SLOT_MS).tolist():
            held = self._slots.get(slot, NO_PAIRS)
            left = without(held, gone)
            if left is not held:
                self._touch(held[is_among(held["tweet"], gone)])
                self._slots[slot] = left
        if changes.suspensions:
            self._suspend(changes.suspensions)

    def _pairs_of(self, changes: _Changes) -> Pairs:
        """The pairs of mentions that came, sorted by tweet and series, each once."""
        uses, which = np.unique(np.array(changes.uses), return_inverse=True)
        rows = [self._uses.rows[use] for use in uses.tolist()]
        sizes = np.array([len(row) for row in rows])
        numbers = np.array([number for row in rows for number in row], np.uint32)
        each = sizes[which]
        ends = np.cumsum(each)
        at = np.arange(ends[-1]) + np.repeat((np.cumsum(sizes) - sizes)[which] - ends + each, each)
        new = np.empty(len(at), PAIR)
        new["tweet"] = np.repeat(np.array(changes.tweets, np.uint64), each)
        new["author"] = np.repeat(np.array(changes.authors, np.uint32), each)
        new["series"], new["spelling"] = numbers[at].T
        new = new[_order_of(new)]
        return new[starts_of(new["tweet"], new["series"])]

    def _suspend(self, suspensions: list[Suspension]) -> None:
        for suspension in suspensions:
            held = self._suspensions.get(suspension.author, suspension)
            self._suspensions[suspension.author] = max(held, suspension)
        theirs = self._are({suspension.author for suspension in suspensions})
        for pairs in self._slots.values():
            self._touch(pairs[theirs[pairs["author"]]])

    def _are(self, authors: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Which numbers are those of some authors."""
        are = np.zeros(len(self._authors), bool)
        are[[number for author in authors if (number := self._authors.get(author)) is not None]] = True
        return are

    def _add_to(self, slot: int, new: Pairs) -> None:
        """Merge pairs into a slot; of two the same, the one that was held stays."""
        held = self._slots.get(slot, NO_PAIRS)
        both = np.concatenate((held, new))
        if len(held) and new["tweet"][0] <= held["tweet"][-1]:
            order = _order_of(both)
            both = both[order]
            first = starts_of(both["tweet"], both["series"])
            new, both = both[first[order[first] >= len(held)]], both[first]
        self._touch(new)
        self._slots[slot] = both

    def _touch(self, pairs: Pairs) -> None:
        """Forget what the panes of some pairs came to."""
        if not len(pairs):
            return
        made_ms = times_ms(pairs["tweet"])
        for window in WINDOWS.values():
            for number in np.unique(made_ms // window.pane_ms).tolist():
                self._panes.pop((window.name, number), None)
        self._changed_minutes.append(np.unique(joined(made_ms // MINUTE.pane_ms, pairs["series"])))

    def _panes_of(self, window: Window, as_of_ms: int) -> Iterator[tuple[int, Pane]]:
        """The panes that hold anything, the open one first, with how far back each is."""
        open_ = as_of_ms // window.pane_ms
        yield 0, pane_of(self._pairs_in(open_ * window.pane_ms, as_of_ms + 1))
        oldest_ms = min(self._slots, default=0) * SLOT_MS
        for i in range(1, 2 * window.n):
            if (open_ - i + 1) * window.pane_ms <= oldest_ms:
                return
            yield i, self._pane(window, open_ - i)

    def _pane(self, window: Window, number: int) -> Pane:
        pane = self._panes.get((window.name, number))
        if pane is None:
            pane = pane_of(self._pairs_in(number * window.pane_ms, (number + 1) * window.pane_ms))
            self._panes[window.name, number] = pane
        return pane

    def _pairs_in(self, from_ms: int, to_ms: int) -> Pairs:
        """The live pairs of tweets made in [from_ms, to_ms)."""
        first, end = np.uint64(first_id_at(from_ms)), np.uint64(first_id_at(to_ms))
        parts = [
            held[np.searchsorted(held["tweet"], first) : np.searchsorted(held["tweet"], end)]
            for slot in range(from_ms // SLOT_MS, (to_ms - 1) // SLOT_MS + 1)
            if (held := self._slots.get(slot)) is not None
        ]
        found = np.concatenate(parts) if parts else NO_PAIRS
        if away := [author for author, latest in self._suspensions.items() if latest.suspended]:
            found = found[~self._are(away)[found["author"]]]
        return found

    def _shown(self, scores: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Series:
        """The top series of every place: the best by score, then count, then tag."""
        occurring = np.flatnonzero(counts)
        places = self._places()[occurring]
        order = np.lexsort((-counts[occurring], -scores[occurring], places))
        best, starts = occurring[order], starts_of(places[order])
        names, shown = self._series.names, list[int]()
        for of_place in np.split(best, starts[1:]):
            if len(of_place) <= TOP_MAX:
                shown += of_place.tolist()
                continue
            last = of_place[TOP_MAX - 1]
            tied = (scores[of_place] == scores[last]) & (counts[of_place] == counts[last])
            shown += of_place[: np.argmax(tied)].tolist()
            left = TOP_MAX - int(np.argmax(tied))
            shown += nsmallest(left, of_place[tied].tolist(), key=lambda series: names[series][1])
        return np.array(shown, np.int64)

    def _places(self) -> Series:
        """The place of every series, as a number."""
        if len(self._place_of) < len(self._series):
            new = (self._place_numbers[place] for place, _ in self._series.names[len(self._place_of) :])
            self._place_of = np.concatenate((self._place_of, np.fromiter(new, np.int64)))
        return self._place_of

    def _described(
        self,
        own: Pairs,
        ranks: Series,
        shown: Series,
        scores: npt.NDArray[np.float64],
        counts: npt.NDArray[np.int64],
        previous: npt.NDArray[np.int64],
    ) -> dict[str, list[Trend]]:
        """The shown series as trends, from their pairs in the window, sorted by series as shown and by tweet."""
        starts = starts_of(ranks)
        ends = np.append(starts[1:], len(own))[: len(starts)]
        names, found = self._series.names, defaultdict[str, list[Trend]](list)
        for start, end, series, tag, count, authors, before, score in zip(
            starts.tolist(),
            ends.tolist(),
            shown.tolist(),
            self._tags(ranks, own["spelling"]),
            counts[shown].tolist(),
            distinct(ranks, own["author"], len(shown)).tolist(),
            previous[shown].tolist(),
            scores[shown].tolist(),
            strict=True,
        ):
            place, folded = names[series]
            trend = Trend(
                tag=tag,
                folded=folded,
                count=count,
                unique_authors=authors,
                previous=before,
                score=score,
                since=int(own["tweet"][start]),
                tweets=tuple(own["tweet"][max(start, end - SAMPLES_MAX) : end][::-1].tolist()),
            )
            found[place].append(trend)
        return {place: merged((trends,)) for place, trends in found.items()}

    def _tags(self, ranks: Series, spellings: Series) -> Iterator[str]:
        """The most used spelling of each series; of several, the first in the order of code points."""
        keys = np.sort(joined(ranks, spellings))
        runs = starts_of(keys)
        uses = np.diff(np.append(runs, len(keys))).tolist()
        of, numbers = parted(keys[runs])
        spelled = self._spellings.names
        names = [spelled[number] for number in numbers.tolist()]
        firsts = starts_of(of).tolist()
        for first, end in zip(firsts, [*firsts[1:], len(runs)], strict=False):
            if end == first + 1:
                yield names[first]
            else:
                most = max(uses[first:end])
                yield min(name for name, used in zip(names[first:end], uses[first:end], strict=True) if used == most)

    def _forget_suspensions(self) -> None:
        """Keep those that are young, or still hide something."""
        floor = first_id_at(self._floor_ms)
        old = {author for author, latest in self._suspensions.items() if latest.event < floor}
        if old:
            names = self._authors.names
            old.difference_update(names[number] for number in self._used("author").tolist())
        for author in old:
            del self._suspensions[author]

    def _used(self, column: str) -> Number:
        """The numbers that pairs have in a column, sorted."""
        return np.unique(
            np.concatenate([np.empty(0, np.uint32), *(np.unique(p[column]) for p in self._slots.values())])
        )

    def _renumber(self) -> None:
        """Forget the names that no pair uses any more, once they are the greater part."""
        self._uses = _Uses(self._series, self._spellings)
        for column, numbers in (("series", self._series), ("spelling", self._spellings), ("author", self._authors)):
            used = self._used(column)
            if 2 * len(used) >= len(numbers):
                continue
            minutes, series = self._waiting()
            waiting = [self._series.names[number] for number in series.tolist()]
            moved = numbers.keep(used)
            for slot, pairs in self._slots.items():
                pairs = pairs.copy()
                pairs[column] = moved[pairs[column]]  # their order is kept: numbers move closer, none past another
                self._slots[slot] = pairs
            if column == "series":
                self._panes = {}
                self._place_of = NO_SERIES
                renumbered = np.array([self._series[name] for name in waiting], np.uint64)
                self._changed_minutes = [joined(minutes, renumbered)]

    def _waiting(self) -> tuple[Series, Series]:
        """The minutes that changed and were not told, each with its series, sorted."""
        return parted(np.unique(np.concatenate([_NO_IDS, *self._changed_minutes])))


def _pane_start(window: Window, as_of_ms: int, back: int) -> int:
    return (as_of_ms // window.pane_ms - back) * window.pane_ms


def _order_of(pairs: Pairs) -> npt.NDArray[np.intp]:
    """How pairs are sorted by tweet and series; of two the same, the first stays first."""
    return np.lexsort((pairs["series"], pairs["tweet"]))


def _of(pairs: Pairs, wanted: Series, size: int) -> tuple[Pairs, Series]:
    """The pairs of the wanted among `size` series, in the order of those; and which of them each belongs to."""
    rank = np.full(size, len(wanted), np.min_scalar_type(len(wanted)))
    rank[wanted] = np.arange(len(wanted))
    ranks = rank[pairs["series"]]
    own = np.flatnonzero(ranks < len(wanted))
    order = own[np.argsort(ranks[own], kind="stable")]
    return pairs[order], ranks[order]
