"""Panes of live pairs, added up once and kept until a pair of theirs comes or goes."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from domain.columns import run_changes
from domain.trends.live_pairs import LivePairs
from domain.trends.panes import Pane, pane_of
from domain.trends.windows import WINDOWS, Window


class PaneCache:
    """Panes by window and number."""

    def __init__(self, pairs: LivePairs) -> None:
        self._pairs = pairs
        self._panes: defaultdict[str, dict[int, Pane]] = defaultdict(dict)

    def of_window(self, window: Window, as_of_ms: int) -> Iterator[tuple[int, Pane]]:
        """The panes that hold anything, the open one first, with how far back each is."""
        open_ = as_of_ms // window.pane_ms
        whole = (as_of_ms + 1) % window.pane_ms == 0
        start_ms = open_ * window.pane_ms
        yield 0, self.pane(window, open_) if whole else pane_of(self._pairs.between(start_ms, as_of_ms + 1))
        oldest = self._pairs.oldest_ms // window.pane_ms
        for number in range(open_ - 1, max(open_ - 2 * window.n, oldest - 1), -1):
            yield open_ - number, self.pane(window, number)

    def pane(self, window: Window, number: int) -> Pane:
        """One whole pane."""
        panes = self._panes[window.name]
        if number not in panes:
            panes[number] = pane_of(self._pairs.between(number * window.pane_ms, (number + 1) * window.pane_ms))
        return panes[number]

    def drop(self, made_ms: npt.NDArray[np.int64]) -> None:
        """Drop the panes of some wall times, which are sorted."""
        for window in WINDOWS.values():
            numbers = made_ms // window.pane_ms
            for number in numbers[run_changes(numbers)].tolist():
                self._panes[window.name].pop(number, None)

    def forget_before(self, as_of_ms: int) -> None:
        """Drop the panes that no window reaches any more from a wall time on."""
        for name, panes in self._panes.items():
            oldest = as_of_ms // WINDOWS[name].pane_ms - 2 * WINDOWS[name].n
            self._panes[name] = {number: pane for number, pane in panes.items() if number > oldest}

    def clear(self) -> None:
        self._panes.clear()
