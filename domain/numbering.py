"""Numbers in place of what is too long to be repeated in every row of a packed array."""

from collections.abc import Hashable, Iterable
from itertools import count
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

Name = TypeVar("Name", bound=Hashable)
Number = npt.NDArray[np.uint32]


class Numbers(dict[Name, int], Generic[Name]):
    """Numbers from 0 on in the order in which names came: a name that is looked up for the first time gets the next."""

    def __init__(self, names: Iterable[Name] = ()) -> None:
        """Number these names, of which none comes twice."""
        super().__init__(zip(names, count(), strict=False))
        self.names = list(self)
        """The names by their numbers."""

    def __missing__(self, name: Name) -> int:
        number = self[name] = len(self.names)
        self.names.append(name)
        return number

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return Numbers, (self.names,)

    def keep(self, used: Number) -> Number:
        """Forget all but some numbers (sorted) and count anew, in the same order; where each old number is now."""
        moved = np.zeros(len(self.names), np.uint32)
        moved[used] = np.arange(len(used))
        names = self.names
        self.clear()
        self.names = []
        for number in used.tolist():
            self[names[number]]
        return moved
