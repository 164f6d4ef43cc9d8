"""Live (tweet, author) pairs of tags in packed arrays, and what they come to in each window.

Nothing here depends on the order in which things arrive, or on how often: a tweet that comes twice is kept once, a
delete or a suspension that comes before its tweet is remembered. So what was replayed, late or repeated gives the same
answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from heapq import nsmallest
from itertools import repeat
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.columns import differs, each_once, is_among, rows_of, starts_of
from domain.hashtags import folded_tag
from domain.ids import Ids, first_id_at, times_ms
from domain.numbering import IdNumbers, Number, Numbers
from domain.tag_panes import (
    NO_PAIRS,
    NO_SERIES,
    Pairs,
    Pane,
    Series,
    Sums,
    distinct,
    joined,
    pane_of,
    parted,
    together,
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
    Mentions,
    PaneCount,
    Suspension,
    Trend,
    Use,
    Window,
    merged,
)

_NO_IDS: Ids = np.empty(0, np.uint64)
_USE = Struct("=II")


class _Uses(dict[Use, bytes]):
    """What (tag, places) of tweets stand for: packed (series, spelling) numbers, for each place."""

    def __init__(self, series: Numbers[tuple[str, str]], spellings: Numbers[str]) -> None:
        super().__init__()
        self._series = series
        self._spellings = spellings

    def __missing__(self, use: Use) -> bytes:
        (tag, places), folded = use, folded_tag(use[0])
        spelling = self._spellings[tag]
        packed = self[use] = b"".join(_USE.pack(self._series[place, folded], spelling) for place in (GLOBAL, *places))
        return packed


@dataclass(slots=True)
class _Changes:
    """What came since the last look; it is sorted in when somebody looks. A mention is an element of three columns."""

    tweets: list[int] = field(default_factory=list)
    authors: list[int] = field(default_factory=list)
    uses: list[bytes] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    suspensions: list[Suspension] = field(default_factory=list)


class _Chosen:
    """Some of `size` series and their pairs."""

    def __init__(self, series: Series, pairs: Pairs, size: int) -> None:
        self.series = series
        rank = np.full(size, len(series), np.min_scalar_type(len(series)))
        rank[series] = np.arange(len(series))
        ranks = rank[pairs.series]
        own = np.flatnonzero(ranks < len(series))
        self.rows = own[np.argsort(ranks[own], kind="stable")]
        """The rows of their pairs, in the order of the series."""
        self.authors = distinct(ranks[own], pairs.author[own], len(series))
        """How many authors each has."""


class TagBucket:
    """The live pairs of some tags, at every place."""

    def __init__(self) -> None:
        self._series: Numbers[tuple[str, str]] = Numbers()
        """Numbers of (place, folded tag)."""
        self._place_numbers: Numbers[str] = Numbers()
        self._place_of = NO_SERIES
        self._spellings: Numbers[str] = Numbers()
        self._authors = IdNumbers()
        self._uses = _Uses(self._series, self._spellings)
        self._slots: dict[int, Pairs] = {}
        """Pairs by quarter of an hour, sorted by tweet and series."""
        self._deleted = _NO_IDS
        self._suspensions: dict[int, Suspension] = {}
        self._changes = _Changes()
        self._floor_ms = 0
        self._panes: defaultdict[str, dict[int, Pane]] = defaultdict(dict)
        """Panes that were added up before, by window and number."""
        self._changed_minutes: list[npt.NDArray[np.uint64]] = []
        self.newest = 0
        """The newest tweet that was taken in."""

    @override
    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return {name: value for name, value in self.__dict__.items() if name not in ("_panes", "_uses")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "_panes": defaultdict(dict), "_uses": _Uses(state["_series"], state["_spellings"])}

    @property
    def pairs(self) -> int:
        """Pairs kept, those at several places counted at each."""
        self._settle()
        return sum(map(len, self._slots.values()))

    def add(self, mentions: Mentions) -> int:
        """Take in mentions of this bucket's tags. Returns how many were left out, as no window reaches back to them."""
        floor = first_id_at(self._floor_ms)
        kept = mentions if min(mentions.tweets, default=floor) >= floor else mentions.since(floor)
        self.newest = max(self.newest, max(kept.tweets, default=0))
        self._changes.tweets += kept.tweets
        self._changes.authors += kept.authors
        self._changes.uses += map(self._uses.__getitem__, kept.uses)
        return len(mentions.tweets) - len(kept.tweets)

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
        sums = Sums(list(self._panes_of(window, as_of_ms)), window.n, size)
        excess = np.maximum(sums.decayed - sums.decayed_before, 0)
        scores = excess * excess / (sums.decayed_before + 1) * sums.several
        pairs = self._pairs_in(_pane_start(window, as_of_ms, window.n - 1), as_of_ms + 1)
        shown = _Chosen(self._best(scores, sums.counts), pairs, size)
        if np.any(scores[shown.series][shown.authors < AUTHORS_MIN]):  # `several` was not enough to tell
            scored = _Chosen(np.flatnonzero(scores), pairs, size)
            scores[scored.series[scored.authors < AUTHORS_MIN]] = 0
            shown = _Chosen(self._best(scores, sums.counts), pairs, size)
        return self._described(pairs, shown, scores, sums)

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
        for name, panes in self._panes.items():
            oldest_pane = as_of_ms // WINDOWS[name].pane_ms - 2 * WINDOWS[name].n
            self._panes[name] = {number: pane for number, pane in panes.items() if number > oldest_pane}
        self._renumber()

    # --------------------------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Sort in what came, each pair once, and take out what was deleted."""
        changes, self._changes = self._changes, _Changes()
        gone = each_once(np.fromiter(changes.deleted, np.uint64))
        if len(gone):
            self._deleted = each_once(np.concatenate((self._deleted, gone)))
        if changes.tweets:
            new = self._pairs_of(changes)
            new = new[~is_among(new.tweet, self._deleted)]
            slots = times_ms(new.tweet) // SLOT_MS
            for slot in slots[differs(slots)].tolist():
                self._add_to(slot, new[slots == slot])
        slots = times_ms(gone) // SLOT_MS
        for slot in slots[differs(slots)].tolist():
            held = self._slots.get(slot, NO_PAIRS)
            theirs = rows_of(gone, held.tweet)
            if theirs is not None:
                self._touch(held[theirs])
                self._slots[slot] = held[~theirs]
        if changes.suspensions:
            self._suspend(changes.suspensions)

    def _pairs_of(self, changes: _Changes) -> Pairs:
        """The pairs of mentions that came, sorted by tweet and series, each once."""
        numbers = np.frombuffer(b"".join(changes.uses), np.uint32).reshape(-1, 2)
        each = np.fromiter(map(len, changes.uses), np.int64) // _USE.size
        new = Pairs(
            tweet=np.repeat(np.array(changes.tweets, np.uint64), each),
            author=np.repeat(self._authors.of(np.array(changes.authors, np.uint64)), each),
            series=numbers[:, 0],
            spelling=numbers[:, 1],
        )
        new = new[_order_of(new)]
        return new[starts_of(new.tweet, new.series)]

    def _suspend(self, suspensions: list[Suspension]) -> None:
        for suspension in suspensions:
            held = self._suspensions.get(suspension.author, suspension)
            self._suspensions[suspension.author] = max(held, suspension)
        theirs = self._are({suspension.author for suspension in suspensions})
        for pairs in self._slots.values():
            self._touch(pairs[theirs[pairs.author]])

    def _are(self, authors: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Which numbers are those of some authors."""
        return is_among(self._authors.ids, each_once(np.fromiter(authors, np.uint64)))

    def _add_to(self, slot: int, new: Pairs) -> None:
        """Merge pairs into a slot; of two the same, the one that was held stays."""
        held = self._slots.get(slot, NO_PAIRS)
        at = int(held.tweet.searchsorted(new.tweet[0]))
        if at == len(held):
            self._slots[slot] = together((held, new))
        else:
            both = together((held[at:], new))
            order = _order_of(both)
            first = order[starts_of(both.tweet[order], both.series[order])]
            self._slots[slot] = together((held[:at], both[first]))
            new = both[first[first >= len(held) - at]]
        self._touch(new)

    def _touch(self, pairs: Pairs) -> None:
        """Forget what the panes of some pairs, sorted by tweet, came to."""
        made_ms = times_ms(pairs.tweet)
        for window in WINDOWS.values():
            numbers = made_ms // window.pane_ms
            for number in numbers[differs(numbers)].tolist():
                self._panes[window.name].pop(number, None)
        self._changed_minutes.append(each_once(joined(made_ms // MINUTE.pane_ms, pairs.series)))

    def _panes_of(self, window: Window, as_of_ms: int) -> Iterator[tuple[int, Pane]]:
        """The panes that hold anything, the open one first, with how far back each is."""
        open_ = as_of_ms // window.pane_ms
        whole = (as_of_ms + 1) % window.pane_ms == 0
        yield 0, self._pane(window, open_) if whole else pane_of(self._pairs_in(open_ * window.pane_ms, as_of_ms + 1))
        oldest = min(self._slots, default=0) * SLOT_MS // window.pane_ms
        for number in range(open_ - 1, max(open_ - 2 * window.n, oldest - 1), -1):
            yield open_ - number, self._pane(window, number)

    def _pane(self, window: Window, number: int) -> Pane:
        pane = self._panes[window.name].get(number)
        if pane is None:
            pane = pane_of(self._pairs_in(number * window.pane_ms, (number + 1) * window.pane_ms))
            self._panes[window.name][number] = pane
        return pane

    def _pairs_in(self, from_ms: int, to_ms: int) -> Pairs:
        """The live pairs of tweets made in [from_ms, to_ms)."""
        first, end = np.uint64(first_id_at(from_ms)), np.uint64(first_id_at(to_ms))
        found = together(
            [
                held[held.tweet.searchsorted(first) : held.tweet.searchsorted(end)]
                for slot in range(from_ms // SLOT_MS, (to_ms - 1) // SLOT_MS + 1)
                if (held := self._slots.get(slot)) is not None
            ]
        )
        if away := [author for author, latest in self._suspensions.items() if latest.suspended]:
            found = found[~self._are(away)[found.author]]
        return found

    def _best(self, scores: npt.NDArray[np.float64], counts: npt.NDArray[np.int64]) -> Series:
        """The top series of every place: the best by score, then count, then tag."""
        occurring = np.flatnonzero(counts)
        places = self._places()[occurring]
        by_place = np.argsort(places, kind="stable")
        names, best = self._series.names, list[int]()
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

    def _places(self) -> Series:
        """The place of every series, as a number."""
        if len(self._place_of) < len(self._series):
            new = (self._place_numbers[place] for place, _ in self._series.names[len(self._place_of) :])
            self._place_of = np.concatenate((self._place_of, np.fromiter(new, np.int64)))
        return self._place_of

    def _described(
        self,
        pairs: Pairs,
        shown: _Chosen,
        scores: npt.NDArray[np.float64],
        sums: Sums,
    ) -> dict[str, list[Trend]]:
        """The shown series as trends, from the pairs in the window."""
        rows, counts = shown.rows, sums.counts[shown.series]
        ends = np.cumsum(counts)
        starts = ends - counts
        latest = np.maximum(ends[:, None] - 1 - np.arange(SAMPLES_MAX), starts[:, None])
        names, found = self._series.names, defaultdict[str, list[Trend]](list)
        for series, tag, count, authors, before, score, since, tweets in zip(
            shown.series.tolist(),
            self._tags(pairs.spelling[rows], starts, ends),
            counts.tolist(),
            shown.authors.tolist(),
            sums.counts_before[shown.series].tolist(),
            scores[shown.series].tolist(),
            pairs.tweet[rows[starts]].tolist(),
            pairs.tweet[rows[latest]].tolist(),
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
                since=since,
                tweets=tuple(tweets[:count]),
            )
            found[place].append(trend)
        return {place: merged((trends,)) for place, trends in found.items()}

    def _tags(self, spellings: Number, starts: Series, ends: Series) -> Iterator[str]:
        """The most used spelling of each run of uses; of several, the first in the order of code points."""
        names = self._spellings.names
        least, most = np.minimum.reduceat(spellings, starts), np.maximum.reduceat(spellings, starts)
        for start, end, only, other in zip(*map(np.ndarray.tolist, (starts, ends, least, most)), strict=True):
            if only == other:
                yield names[only]
            else:
                kinds, used = np.unique(spellings[start:end], return_counts=True)
                yield min(names[kind] for kind in kinds[used == used.max()].tolist())

    def _forget_suspensions(self) -> None:
        """Keep those that are young, or still hide something."""
        floor = first_id_at(self._floor_ms)
        old = {author for author, latest in self._suspensions.items() if latest.event < floor}
        if old:
            held = self._authors.ids[self._used("author", len(self._authors))]
            old.difference_update(held.tolist())
        for author in old:
            del self._suspensions[author]

    def _used(self, column: str, numbers: int) -> Number:
        """Which of so many numbers pairs have in a column, sorted."""
        used = np.zeros(numbers, bool)
        for pairs in self._slots.values():
            used[getattr(pairs, column)] = True
        return np.flatnonzero(used).astype(np.uint32)

    def _renumber(self) -> None:
        """Forget the names that no pair uses any more, once they are the greater part."""
        self._uses = _Uses(self._series, self._spellings)
        for column, numbers in (("series", self._series), ("spelling", self._spellings), ("author", self._authors)):
            used = self._used(column, len(numbers))
            if 2 * len(used) >= len(numbers):
                continue
            minutes, series = self._waiting()
            waiting = [self._series.names[number] for number in series.tolist()]
            moved = numbers.keep(used)
            for slot, pairs in self._slots.items():
                # their order is kept: numbers move closer, none past another
                self._slots[slot] = replace(pairs, **{column: moved[getattr(pairs, column)]})
            if column == "series":
                self._panes.clear()
                self._place_of = NO_SERIES
                renumbered = np.array([self._series[name] for name in waiting], np.uint64)
                self._changed_minutes = [joined(minutes, renumbered)]

    def _waiting(self) -> tuple[Series, Series]:
        """The minutes that changed and were not told, each with its series, sorted."""
        return parted(each_once(np.concatenate([_NO_IDS, *self._changed_minutes])))


def _pane_start(window: Window, as_of_ms: int, back: int) -> int:
    return (as_of_ms // window.pane_ms - back) * window.pane_ms


def _order_of(pairs: Pairs) -> npt.NDArray[np.intp]:
    """How pairs are sorted by tweet and series; of two the same, the first stays first."""
    return np.lexsort((pairs.series, pairs.tweet))
