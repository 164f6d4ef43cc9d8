"""Panes of live pairs, added up once and kept until a pair of theirs comes or goes."""

from collections import defaultdict

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

    def of_window(self, window: Window, as_of_ms: int) -> list[tuple[int, Pane]]:
        """The panes that hold anything, the open one first, with how far back each is."""
        open_, panes = as_of_ms // window.pane_ms, self._panes[window.name]
        if (as_of_ms + 1) % window.pane_ms:
            newest = pane_of(self._pairs.between(open_ * window.pane_ms, as_of_ms + 1))
        else:
            newest = self.pane(window, open_)
        oldest = max(open_ - 2 * window.n + 1, self._pairs.oldest_ms // window.pane_ms)
        before = [(open_ - n, panes.get(n) or self.pane(window, n)) for n in range(open_ - 1, oldest - 1, -1)]
        return [(back, pane) for back, pane in ((0, newest), *before) if len(pane.series)]

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
