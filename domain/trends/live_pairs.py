"""Live (tweet, author) pairs of tags, less what was deleted and who is absent."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from domain.columns import in_sorted, rows_among, run_changes, starts_of, unique_sorted
from domain.ids import Ids, first_id_at, times_ms
from domain.trends.interning import Codes, IdInterner
from domain.trends.panes import NO_PAIRS, Pairs, concatenated, order_of
from domain.trends.tag_counts import Absence
from domain.trends.windows import SLOT_MS
from domain.visibility import Reason


class LivePairs:
    """Pairs by slot, sorted by tweet and series, each once.

    Ids that were deleted and authors who are absent are remembered, whether their pairs have come yet or not. Tweets
    that are protected tell that their author was private then: who has been for long, of whom no event is known.
    Whatever changes pairs returns those that came or went, sorted by tweet.
    """

    def __init__(self) -> None:
        self.authors = IdInterner()
        self._slots: dict[int, Pairs] = {}
        self._deleted: Ids = np.empty(0, np.uint64)
        self._protected: Ids = np.empty(0, np.uint64)
        self._absences: dict[tuple[int, Reason], Absence] = {}

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    @property
    def oldest_ms(self) -> int:
        """A wall time before which there is no pair."""
        return min(self._slots, default=0) * SLOT_MS

    def add(self, new: Pairs) -> list[Pairs]:
        """Add pairs, sorted by tweet and series; those that are held, or of deleted tweets, change nothing."""
        new = new[~in_sorted(new.tweet, self._deleted)]
        return [self._add_to(slot, new[rows]) for slot, rows in _by_slot(new.tweet)]

    def delete(self, tweets: Iterable[int]) -> list[Pairs]:
        """Remove tweets for good."""
        gone, removed = unique_sorted(np.fromiter(tweets, np.uint64)), list[Pairs]()
        if len(gone):
            self._deleted = unique_sorted(np.concatenate((self._deleted, gone)))
        for slot, _ in _by_slot(gone):
            held = self._slots.get(slot, NO_PAIRS)
            rows = rows_among(gone, held.tweet)
            if rows is not None:
                removed.append(held[rows])
                self._slots[slot] = held[~rows]
        return removed

    def protect(self, tweets: Iterable[int]) -> None:
        """Remember protected tweets, before their pairs are added."""
        self._protected = unique_sorted(np.concatenate((self._protected, np.fromiter(tweets, np.uint64))))

    def leave_out(self, absences: Iterable[Absence]) -> list[Pairs]:
        """Leave authors out, or count them again; of several for a reason, the one with the greatest event stands."""
        authors: set[int] = set()
        for absence in absences:
            key = absence.author, absence.reason
            self._absences[key] = max(self._absences.get(key, absence), absence)
            authors.add(absence.author)
        if not authors:
            return []
        theirs = self._mask_of(authors)
        return [pairs[theirs[pairs.author]] for pairs in self._slots.values()]

    def between(self, from_ms: int, to_ms: int) -> Pairs:
        """The pairs of tweets made in [from_ms, to_ms), absent authors left out."""
        first, end = np.uint64(first_id_at(from_ms)), np.uint64(first_id_at(to_ms))
        found = concatenated(
            [
                held[held.tweet.searchsorted(first) : held.tweet.searchsorted(end)]
                for slot in range(from_ms // SLOT_MS, (to_ms - 1) // SLOT_MS + 1)
                if (held := self._slots.get(slot)) is not None
            ]
        )
        if away := [author for (author, _), latest in self._absences.items() if latest.absent]:
            found = found[~self._mask_of(away)[found.author]]
        if len(self._protected):
            known = [author for author, reason in self._absences if reason is Reason.PRIVATE]
            found = found[~in_sorted(found.tweet, self._protected) | self._mask_of(known)[found.author]]
        return found

    def forget_before(self, floor_ms: int) -> None:
        """Let go of pairs, deletes and absences older than a wall time; what still hides or shows a pair stays."""
        floor = first_id_at(floor_ms)
        self._slots = {slot: pairs for slot, pairs in self._slots.items() if slot * SLOT_MS >= floor_ms}
        self._deleted = self._deleted[self._deleted >= np.uint64(floor)]
        self._protected = self._protected[self._protected >= np.uint64(floor)]
        if old := [key for key, latest in self._absences.items() if latest.event < floor]:
            held = {*self.authors.ids[self.used("author", len(self.authors))].tolist()}
            for key in old:
                if key[0] not in held:
                    del self._absences[key]

    def used(self, column: str, codes: int) -> Codes:
        """The codes, of so many, that pairs have in a column; sorted."""
        used = np.zeros(codes, bool)
        for pairs in self._slots.values():
            used[getattr(pairs, column)] = True
        return np.flatnonzero(used).astype(np.uint32)

    def recode(self, column: str, moved: Codes) -> None:
        """Give a column new codes, by the old ones; as none moves past another, pairs stay sorted."""
        for slot, pairs in self._slots.items():
            self._slots[slot] = replace(pairs, **{column: moved[getattr(pairs, column)]})

    def _add_to(self, slot: int, new: Pairs) -> Pairs:
        """Merge pairs into a slot; of two the same, the one that was held stays. Returns those that were not held."""
        held = self._slots.get(slot, NO_PAIRS)
        at = int(held.tweet.searchsorted(new.tweet[0]))
        if at == len(held):
            self._slots[slot] = concatenated((held, new))
            return new
        both = concatenated((held[at:], new))
        order = order_of(both)
        first = order[starts_of(both.tweet[order], both.series[order])]
        self._slots[slot] = concatenated((held[:at], both[first]))
        return both[first[first >= len(held) - at]]

    def _mask_of(self, authors: Iterable[int]) -> npt.NDArray[np.bool_]:
        """Mask of the codes of authors that are among some ids."""
        return in_sorted(self.authors.ids, unique_sorted(np.fromiter(authors, np.uint64)))


def _by_slot(tweets: Ids) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    """The slots of sorted ids, each with the rows that belong to it."""
    slots = times_ms(tweets) // SLOT_MS
    for slot in slots[run_changes(slots)].tolist():
        yield slot, slots == slot
