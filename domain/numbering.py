"""Numbers in place of what is too long to be repeated in every row of a packed array."""

from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from domain.columns import each_once, is_among
from domain.ids import Ids

Name = TypeVar("Name", bound=Hashable)
Number = npt.NDArray[np.uint32]


class Numbers(dict[Name, int], Generic[Name]):
    """Numbers from 0 on in the order in which names came: a name that is looked up for the first time gets the next."""

    def __init__(self, names: Iterable[Name] = ()) -> None:
        """Number these names, of which none comes twice."""
        self.names = list(names)
        """The names by their numbers."""
        super().__init__(zip(self.names, count(), strict=False))

    def __missing__(self, name: Name) -> int:
        number = self[name] = len(self.names)
        self.names.append(name)
        return number

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Numbers, (self.names,)

    def keep(self, used: Number) -> Number:
        """Forget all but some numbers (sorted) and count anew, in the same order; where each old number is now."""
        moved = np.zeros(len(self), np.uint32)
        moved[used] = np.arange(len(used))
        self.names = [self.names[number] for number in used.tolist()]
        self.clear()
        self.update(zip(self.names, count(), strict=False))
        return moved


class IdNumbers:
    """Numbers from 0 on of ids, in packed arrays: 20 bytes an id, where `Numbers` takes 120."""

    def __init__(self, ids: Ids | None = None) -> None:
        """Number these ids, of which none comes twice."""
        self.ids = np.empty(0, np.uint64)
        """The ids by their numbers."""
        self._sorted, self._numbers = self.ids, np.empty(0, np.uint32)
        if ids is not None:
            self._number(ids)

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return IdNumbers, (self.ids,)

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, ids: Ids) -> Number:
        """Their numbers; an id that was not seen before gets the next."""
        known = is_among(ids, self._sorted)
        if not known.all():
            self._number(each_once(ids[~known]))
        return self._numbers[self._sorted.searchsorted(ids)]

    def keep(self, used: Number) -> Number:
        """Forget all but some numbers (sorted) and count anew, in the same order; where each old number is now."""
        moved = np.zeros(len(self), np.uint32)
        moved[used] = np.arange(len(used))
        kept = IdNumbers(self.ids[used])
        self.ids, self._sorted, self._numbers = kept.ids, kept._sorted, kept._numbers
        return moved

    def _number(self, new: Ids) -> None:
        order = np.argsort(new)
        at = self._sorted.searchsorted(new[order])
        self._numbers = np.insert(self._numbers, at, len(self) + order)
        self._sorted = np.insert(self._sorted, at, new[order])
        self.ids = np.concatenate((self.ids, new))
