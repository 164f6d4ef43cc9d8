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
from domain.tag_panes import NO_PAIRS, NO_SERIES, PAIR, Pairs, Pane, Series, Sums, authors_of, only, pane_of, starts_of
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
        self._place_numbers = _Numbers()
        self._place_of = NO_SERIES
        self._spellings = _Numbers()
        self._slots: dict[int, Pairs] = {}
        self._deleted: set[int] = set()
        self._suspensions: dict[int, Suspension] = {}
        self._changes = _Changes()
        self._floor_ms = 0
        self._panes: dict[tuple[str, int], Pane] = {}
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
        panes = list(self._panes_of(window, as_of_ms))
        inside = Sums([(i, pane) for i, pane in panes if i < window.n], size)
        outside = Sums([(i - window.n, pane) for i, pane in panes if i >= window.n], size)
        now, before = inside.decayed, outside.decayed
        excess = now - before
        scores = np.where(excess > 0, excess * excess / (before + 1), 0.0)
        scores[inside.authors < AUTHORS_MIN] = 0
        pairs = self._pairs_in(_pane_start(window, as_of_ms, window.n - 1), as_of_ms + 1)
        unsure = np.flatnonzero((scores > 0) & (inside.most_authors < AUTHORS_MIN))
        authors = authors_of(pairs, unsure, size)
        scores[unsure[authors[unsure] < AUTHORS_MIN]] = 0
        shown = self._shown(scores, inside.counts)
        return self._described(pairs, shown, scores, inside.counts, outside.counts)

    def changed_minutes(self) -> list[PaneCount]:
        """What the panes of a minute that changed since the last call hold now, over all places."""
        self._settle()
        by_minute: dict[int, list[int]] = defaultdict(list)
        for series, number in self._changed_minutes:
            if self._series.names[series][0] == GLOBAL:
                by_minute[number].append(series)
        self._changed_minutes = set()
        found: list[PaneCount] = []
        for number, changed in sorted(by_minute.items()):
            counts, authors = self._pane(MINUTE, number).of(np.sort(np.array(changed, np.int64)))
            names = (self._series.names[series][1] for series in sorted(changed))
            found += map(PaneCount, names, repeat(number), counts.tolist(), authors.tolist())
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
            new = np.array(changes.pairs, PAIR)
            if self._deleted:
                new = new[~np.isin(new["tweet"], _ids(self._deleted))]
            slots = times_ms(new["tweet"]) // SLOT_MS
            for slot in np.unique(slots).tolist():
                self._add_to(slot, new[slots == slot])
        if changes.deleted:
            gone = _ids(changes.deleted)
            for slot in np.unique(times_ms(gone) // SLOT_MS).tolist():
                held = self._slots.get(slot, NO_PAIRS)
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

    def _add_to(self, slot: int, new: Pairs) -> None:
        held = self._slots.get(slot, NO_PAIRS)
        both = np.concatenate((held, new))
        order = np.lexsort((both["series"], both["tweet"]))  # stable: of two the same, the one that was held is first
        both = both[order]
        first = starts_of(both["tweet"], both["series"])
        added = both[first[order[first] >= len(held)]]
        if len(added):
            self._touch(added)
            self._slots[slot] = both[first]

    def _touch(self, pairs: Pairs) -> None:
        """Forget what the panes of some pairs came to."""
        made_ms = times_ms(pairs["tweet"])
        for window in WINDOWS.values():
            for number in np.unique(made_ms // window.pane_ms).tolist():
                self._panes.pop((window.name, number), None)
        self._changed_minutes.update(zip(pairs["series"].tolist(), (made_ms // MINUTE.pane_ms).tolist(), strict=True))

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
        if away := {author for author, latest in self._suspensions.items() if latest.suspended}:
            found = found[~np.isin(found["author"], _ids(away))]
        return found

    def _shown(self, scores: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Series:
        """The top series of every place: the best by score, then count, then tag."""
        occurring = np.flatnonzero(counts)
        places = self._places()[occurring]
        order = np.lexsort((-counts[occurring], -scores[occurring], places))
        best, starts = occurring[order], starts_of(places[order])
        shown: list[int] = []
        for of_place in np.split(best, starts[1:]):
            if len(of_place) <= TOP_MAX:
                shown += of_place.tolist()
                continue
            last = of_place[TOP_MAX - 1]
            tied = (scores[of_place] == scores[last]) & (counts[of_place] == counts[last])
            shown += of_place[: np.argmax(tied)].tolist()
            left = TOP_MAX - int(np.argmax(tied))
            shown += nsmallest(left, of_place[tied].tolist(), key=lambda series: self._series.names[series][1])
        return np.array(shown, np.int64)

    def _places(self) -> Series:
        """The place of every series, as a number."""
        if len(self._place_of) < len(self._series.names):
            new = (self._place_numbers.of(place) for place, _ in self._series.names[len(self._place_of) :])
            self._place_of = np.concatenate((self._place_of, np.fromiter(new, np.int64)))
        return self._place_of

    def _described(
        self,
        pairs: Pairs,
        shown: Series,
        scores: npt.NDArray[np.float64],
        counts: npt.NDArray[np.int64],
        previous: npt.NDArray[np.int64],
    ) -> dict[str, list[Trend]]:
        size = len(self._series.names)
        own = only(pairs, shown, size)
        own = own[np.argsort(own["series"], kind="stable")]  # the oldest tweet of each first
        authors = authors_of(own, shown, size)
        tweets, starts = own["tweet"].tolist(), starts_of(own["series"])
        found: dict[str, list[Trend]] = defaultdict(list)
        ends = [*starts[1:].tolist(), len(own)]
        for start, end, series, tag in zip(
            starts.tolist(), ends, own["series"][starts].tolist(), self._tags(own), strict=False
        ):
            place, folded = self._series.names[series]
            trend = Trend(
                tag=tag,
                folded=folded,
                count=int(counts[series]),
                unique_authors=int(authors[series]),
                previous=int(previous[series]),
                score=float(scores[series]),
                since=tweets[start],
                tweets=tuple(tweets[max(start, end - SAMPLES_MAX) : end][::-1]),
            )
            found[place].append(trend)
        return {place: merged((trends,)) for place, trends in found.items()}

    def _tags(self, pairs: Pairs) -> Iterator[str]:
        """The most used spelling of each series; of several, the first in the order of code points."""
        order = np.lexsort((pairs["spelling"], pairs["series"]))
        series, spellings = pairs["series"][order], pairs["spelling"][order]
        runs = starts_of(series, spellings)
        uses = np.diff(np.append(runs, len(pairs)))
        names = [self._spellings.names[number][0] for number in spellings[runs].tolist()]
        firsts = starts_of(series[runs]).tolist()
        for first, end in zip(firsts, [*firsts[1:], len(runs)], strict=False):
            if end == first + 1:
                yield names[first]
            else:
                most = uses[first:end].max()
                yield min(name for name, used in zip(names[first:end], uses[first:end], strict=True) if used == most)

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
                self._place_of = NO_SERIES
                self._changed_minutes = {(self._series.of(*name), pane) for name, pane in changed}
                # An order by (tweet, series) is kept: numbers move closer, none past another.


def _pane_start(window: Window, as_of_ms: int, back: int) -> int:
    return (as_of_ms // window.pane_ms - back) * window.pane_ms


def _ids(tweets: set[int]) -> Ids:
    return np.fromiter(tweets, np.uint64, len(tweets))
