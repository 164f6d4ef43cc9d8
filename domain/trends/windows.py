"""Windows of trends: how long each is, and the panes it is made of.

Panes are aligned to multiples of their length since the epoch; a window is its open pane and the n - 1 before it
(Li et al., No Pane, No Gain, SIGMOD Record 34(1), 2005).
"""

from dataclasses import dataclass

SLOT_MS = 900_000
"""Pairs are kept by quarter of an hour, the longest pane."""
DECAY = 0.95
"""Decay per pane: the weight of a pane relative to the next newer one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of `n` panes; twice as many are read, the earlier half for comparison."""

    name: str
    pane_ms: int
    n: int

    @property
    def span_ms(self) -> int:
        return self.pane_ms * self.n

    def start_ms(self, as_of_ms: int) -> int:
        """The start of the window that is open at a wall time."""
        return (as_of_ms // self.pane_ms - self.n + 1) * self.pane_ms


WINDOWS = {
    window.name: window
    for window in (
        Window(name="5m", pane_ms=10_000, n=30),
        Window(name="60m", pane_ms=60_000, n=60),
        Window(name="24h", pane_ms=SLOT_MS, n=96),
    )
}
KEPT_MS = 2 * max(window.span_ms for window in WINDOWS.values())
"""Pairs are kept so long: the longest window, and the one it is compared with."""
MINUTE = WINDOWS["60m"]
"""The window whose panes, of a minute each, are kept as history."""
