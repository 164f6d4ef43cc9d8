"""Numbers in place of what is too long to be repeated in every row of a packed array."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import count, islice
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

Name = TypeVar("Name", bound=Hashable)
Number = npt.NDArray[np.uint32]


class Numbers(defaultdict[Name, int], Generic[Name]):
    """Numbers from 0 on in the order in which names came: a name that is looked up for the first time gets the next."""

    def __init__(self, names: Iterable[Name] = ()) -> None:
        """Number these names, of which none comes twice."""
        super().__init__(None, zip(names, count(), strict=False))
        self.default_factory = count(len(self)).__next__
        self._names: list[Name] = []

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Numbers, (list(self),)

    @property
    def names(self) -> list[Name]:
        """The names by their numbers."""
        if len(self._names) < len(self):
            self._names += islice(self, len(self._names), None)
        return self._names

    def keep(self, used: Number) -> Number:
        """Forget all but some numbers (sorted) and count anew, in the same order; where each old number is now."""
        moved = np.zeros(len(self), np.uint32)
        moved[used] = np.arange(len(used))
        names = self.names
        self.clear()
        self.update(zip((names[number] for number in used.tolist()), count(), strict=False))
        self.default_factory, self._names = count(len(self)).__next__, []
        return moved
