"""Interning: dense integer codes for strings and user ids, so that packed arrays do not repeat them in every row."""

from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.columns import in_sorted, run_changes
from domain.ids import Ids

Name = TypeVar("Name", bound=Hashable)
Codes = npt.NDArray[np.uint32]


class Interner(dict[Name, int], Generic[Name]):
    """Codes of names, from 0 on: a name that is looked up for the first time gets the next."""

    def __init__(self, names: Iterable[Name] = ()) -> None:
        """Intern these names, of which none comes twice."""
        self.names = list(names)
        """The names by their codes."""
        super().__init__(zip(self.names, count(), strict=False))

    def __missing__(self, name: Name) -> int:
        code = self[name] = len(self.names)
        self.names.append(name)
        return code

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Interner, (self.names,)

    def keep(self, used: Codes) -> Codes:
        """Forget all but some codes (sorted) and count anew, in the same order. Returns the new code by the old one."""
        moved = _moved(used, len(self))
        self.names = [self.names[code] for code in used.tolist()]
        self.clear()
        self.update(zip(self.names, count(), strict=False))
        return moved


class IdInterner:
    """Codes of ids, from 0 on, in packed arrays: 20 bytes an id, where `Interner` takes 120."""

    def __init__(self, ids: Ids | None = None) -> None:
        """Intern these ids, of which none comes twice."""
        self.ids = np.empty(0, np.uint64)
        """The ids by their codes."""
        self._sorted, self._codes = self.ids, np.empty(0, np.uint32)
        if ids is not None:
            order = np.argsort(ids)
            self.ids, self._sorted, self._codes = ids, ids[order], order.astype(np.uint32)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return IdInterner, (self.ids,)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, ids: Ids) -> Codes:
        """The codes of ids; an id that was not seen before gets the next."""
        order = np.argsort(ids)
        wanted = ids[order]  # in order they are found in half the time
        known = in_sorted(wanted, self._sorted)
        if not known.all():
            new = wanted[~known]
            self._intern(new[run_changes(new)])
        codes = np.empty(len(ids), np.uint32)
        codes[order] = self._codes[self._sorted.searchsorted(wanted)]
        return codes

    def keep(self, used: Codes) -> Codes:
        """Forget all but some codes (sorted) and count anew, in the same order. Returns the new code by the old one."""
        moved = _moved(used, len(self))
        kept = IdInterner(self.ids[used])
        self.ids, self._sorted, self._codes = kept.ids, kept._sorted, kept._codes
        return moved

    def _intern(self, new: Ids) -> None:
        """Intern ids that are sorted."""
        size = len(self) + len(new)
        at = self._sorted.searchsorted(new) + np.arange(len(new))
        held = np.ones(size, bool)
        held[at] = False
        in_order, codes = np.empty(size, np.uint64), np.empty(size, np.uint32)
        in_order[at], in_order[held] = new, self._sorted
        codes[at], codes[held] = np.arange(len(self), size), self._codes
        self.ids, self._sorted, self._codes = np.concatenate((self.ids, new)), in_order, codes


def _moved(used: Codes, size: int) -> Codes:
    moved = np.zeros(size, np.uint32)
    moved[used] = np.arange(len(used))
    return moved
