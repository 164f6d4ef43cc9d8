"""A bucket of tags: their live pairs at every place, and the top of each window.

Nothing here depends on the order in which things arrive, or on how often: a tweet that comes twice is kept once, a
delete or an absence that comes before its tweet is remembered. So what was replayed, late or repeated gives the same
answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import repeat
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.columns import run_changes, starts_of, unique_sorted
from domain.hashtags import folded_tag
from domain.ids import Ids, first_id_at, times_ms
from domain.trends.interning import Interner
from domain.trends.live_pairs import LivePairs
from domain.trends.pane_cache import PaneCache
from domain.trends.panes import NO_SERIES, Keys, Pairs, Series, Sums, order_of, packed, unpacked
from domain.trends.ranking import top_of
from domain.trends.tag_counts import GLOBAL, Absence, PaneCount, PlacedTag, TagOccurrences, Trend
from domain.trends.windows import KEPT_MS, MINUTE, SLOT_MS, Window

_CODES = Struct("=II")
_PLACED_TAGS_MAX = 1 << 17
"""Placed tags whose codes are kept by a bucket."""
_NO_KEYS: Keys = np.empty(0, np.uint64)


class _PackedCodes(dict[PlacedTag, bytes]):
    """Packed (series, spelling) codes of placed tags, for each place; those made so far stay right until names move."""

    def __init__(self, series: Interner[tuple[str, str]], spellings: Interner[str]) -> None:
        super().__init__()
        self._series = series
        self._spellings = spellings

    def __missing__(self, placed: PlacedTag) -> bytes:
        if len(self) == _PLACED_TAGS_MAX:
            self.clear()
        (tag, places), normalized = placed, folded_tag(placed[0])
        spelling = self._spellings[tag]
        codes = _CODES.pack(self._series[GLOBAL, normalized], spelling)
        for place in places:
            codes += _CODES.pack(self._series[place, normalized], spelling)
        self[placed] = codes
        return codes


@dataclass(slots=True)
class _Pending:
    """Changes since the last evaluation, which merges them. Occurrences are parts of three columns."""

    tweets: list[Ids] = field(default_factory=list)
    authors: list[Ids] = field(default_factory=list)
    tags: list[npt.NDArray[np.intp]] = field(default_factory=list)
    """The place of each occurrence's tag in `codes`."""
    codes: list[bytes] = field(default_factory=list)
    """Packed codes of tags, for each place."""
    protected: list[int] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    absences: list[Absence] = field(default_factory=list)


class TagBucket:
    """The live pairs of some tags, at every place."""

    def __init__(self) -> None:
        self._series: Interner[tuple[str, str]] = Interner()
        """Codes of (place, normalized tag)."""
        self._places: Interner[str] = Interner()
        self._place_of = NO_SERIES
        self._spellings: Interner[str] = Interner()
        self._codes = _PackedCodes(self._series, self._spellings)
        self._pairs = LivePairs()
        self._panes = PaneCache(self._pairs)
        self._pending = _Pending()
        self._floor_ms = 0
        self._changed_minutes: list[Keys] = []
        self.newest = 0
        """The newest tweet that was added."""

    @override
    def __getstate__(self) -> dict[str, Any]:
        self._merge_pending()
        return {name: value for name, value in self.__dict__.items() if name not in ("_panes", "_codes")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = state
        self._panes, self._codes = PaneCache(self._pairs), _PackedCodes(self._series, self._spellings)

    @property
    def pairs(self) -> int:
        """The number of pairs, those at several places counted at each."""
        self._merge_pending()
        return len(self._pairs)

    def add(self, occurrences: TagOccurrences, protected: Iterable[int] = ()) -> int:
        """Add occurrences of this bucket's tags, with those of the tweets that are protected.

        Returns how many were left out, as no window reaches back to them.
        """
        floor = first_id_at(self._floor_ms)
        kept, pending = occurrences.since(floor), self._pending
        pending.protected += [tweet for tweet in protected if tweet >= floor]
        if len(kept.tweets):
            self.newest = max(self.newest, int(kept.tweets.max()))
            pending.tweets.append(kept.tweets)
            pending.authors.append(kept.authors)
            pending.tags.append(kept.codes + len(pending.codes))
            pending.codes += map(self._codes.__getitem__, kept.tags)
        return len(occurrences.tweets) - len(kept.tweets)

    def delete(self, tweets: Iterable[int]) -> None:
        """Retract tweets from every pane, whether they have come yet or not."""
        floor = first_id_at(self._floor_ms)
        self._pending.deleted.update(tweet for tweet in tweets if tweet >= floor)

    def leave_out(self, absences: Iterable[Absence]) -> None:
        """Leave authors out, or count them again; of several for a reason, the one with the greatest event stands."""
        floor = first_id_at(self._floor_ms)
        self._pending.absences += [each for each in absences if each.event >= floor]

    def top(self, window: Window, as_of_ms: int) -> dict[str, list[Trend]]:
        """The top of every place in the window that ends at a wall time; later tweets do not count.

        Follows the specification (`domain.trends.ranking`), with a_i distinct authors in pane i (0 is the open one).
        Sums run from the open pane back, so equal histories give equal floats.
        """
        self._merge_pending()
        sums = Sums(list(self._panes.of_window(window, as_of_ms)), window.n, len(self._series))
        pairs = self._pairs.between(window.start_ms(as_of_ms), as_of_ms + 1)
        return top_of(pairs, sums, self._places_of_series(), self._series.names, self._spellings.names)

    def changed_minutes(self) -> list[PaneCount]:
        """The panes of a minute that changed since the last call, as they are now, over all places."""
        self._merge_pending()
        minutes, series = self._waiting()
        self._changed_minutes = []
        everywhere = self._places_of_series()[series] == self._places[GLOBAL]
        minutes, series = minutes[everywhere], series[everywhere]
        names, found = self._series.names, list[PaneCount]()
        for number in minutes[run_changes(minutes)].tolist():
            changed = series[minutes == number]
            counts, authors = self._panes.pane(MINUTE, number).of(changed)
            tags = (names[series][1] for series in changed.tolist())
            found += map(PaneCount, tags, repeat(number), counts.tolist(), authors.tolist())
        return found

    def forget_before(self, as_of_ms: int) -> None:
        """Let go of what no window reaches any more from a wall time on."""
        floor_ms = (as_of_ms // SLOT_MS + 1) * SLOT_MS - KEPT_MS
        if floor_ms <= self._floor_ms:
            return
        self._merge_pending()
        self._floor_ms = floor_ms
        self._pairs.forget_before(floor_ms)
        self._panes.forget_before(as_of_ms)
        oldest = packed(np.array([floor_ms // MINUTE.pane_ms]), np.zeros(1, np.uint64))
        self._changed_minutes = [changed[changed >= oldest] for changed in self._changed_minutes]
        self._forget_names()

    def _merge_pending(self) -> None:
        """Merge what came into the live pairs, and mark the panes that it changed."""
        pending, self._pending = self._pending, _Pending()
        if not (pending.tweets or pending.deleted or pending.absences):
            return
        self._pairs.protect(pending.protected)
        changed = self._pairs.delete(pending.deleted)
        if pending.tweets:
            changed += self._pairs.add(self._pairs_of(pending))
        changed += self._pairs.leave_out(pending.absences)
        for pairs in changed:
            made_ms = times_ms(pairs.tweet)
            self._panes.drop(made_ms)
            self._changed_minutes.append(unique_sorted(packed(made_ms // MINUTE.pane_ms, pairs.series)))

    def _pairs_of(self, pending: _Pending) -> Pairs:
        """The pairs of occurrences that came, sorted by tweet and series, each once."""
        tags = np.concatenate(pending.tags)
        places = np.fromiter(map(len, pending.codes), np.int64) // _CODES.size
        each = places[tags]
        rows = np.arange(each.sum()) + (places.cumsum()[tags] - each.cumsum()).repeat(each)
        codes = np.frombuffer(b"".join(pending.codes), np.uint32).reshape(-1, 2)[rows]
        new = Pairs(
            tweet=np.concatenate(pending.tweets).repeat(each),
            author=self._pairs.authors.of(np.concatenate(pending.authors)).repeat(each),
            series=codes[:, 0],
            spelling=codes[:, 1],
        )
        new = new[order_of(new)]
        return new[starts_of(new.tweet, new.series)]

    def _places_of_series(self) -> Series:
        """The place of every series, as a code."""
        if len(self._place_of) < len(self._series):
            new = (self._places[place] for place, _ in self._series.names[len(self._place_of) :])
            self._place_of = np.concatenate((self._place_of, np.fromiter(new, np.int64)))
        return self._place_of

    def _waiting(self) -> tuple[Series, Series]:
        """The minutes that changed and were not told, each with its series, sorted."""
        return unpacked(unique_sorted(np.concatenate([_NO_KEYS, *self._changed_minutes])))

    def _forget_names(self) -> None:
        """Forget the names that no pair uses any more, once they are the greater part."""
        for column, interner in (
            ("series", self._series),
            ("spelling", self._spellings),
            ("author", self._pairs.authors),
        ):
            used = self._pairs.used(column, len(interner))
            if 2 * len(used) < len(interner):
                self._codes.clear()
                minutes, series = self._waiting()
                waiting = [self._series.names[code] for code in series.tolist()]
                self._pairs.recode(column, interner.keep(used))
                if column == "series":
                    self._panes.clear()
                    self._place_of = NO_SERIES
                    recoded = np.array([self._series[name] for name in waiting], np.uint64)
                    self._changed_minutes = [packed(minutes, recoded)]
