"""Interning: dense integer codes for strings and user ids, so that packed arrays do not repeat them in every row."""

from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.columns import in_sorted, unique_sorted
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
            self._intern(ids)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return IdInterner, (self.ids,)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, ids: Ids) -> Codes:
        """The codes of ids; an id that was not seen before gets the next."""
        known = in_sorted(ids, self._sorted)
        if not known.all():
            self._intern(unique_sorted(ids[~known]))
        return self._codes[self._sorted.searchsorted(ids)]

    def keep(self, used: Codes) -> Codes:
        """Forget all but some codes (sorted) and count anew, in the same order. Returns the new code by the old one."""
        moved = _moved(used, len(self))
        kept = IdInterner(self.ids[used])
        self.ids, self._sorted, self._codes = kept.ids, kept._sorted, kept._codes
        return moved

    def _intern(self, new: Ids) -> None:
        order = np.argsort(new)
        at = self._sorted.searchsorted(new[order])
        self._codes = np.insert(self._codes, at, len(self) + order)
        self._sorted = np.insert(self._sorted, at, new[order])
        self.ids = np.concatenate((self.ids, new))


def _moved(used: Codes, size: int) -> Codes:
    moved = np.zeros(size, np.uint32)
    moved[used] = np.arange(len(used))
    return moved
