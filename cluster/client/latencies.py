"""Latencies of calls, by kind."""

from collections import Counter, defaultdict

import numpy as np
from rich.table import Table


class Latencies:
    """Every answered call's time, and how often a call had to be repeated and why."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.repeats: Counter[str] = Counter()

    def add(self, kind: str, seconds: float) -> None:
        self._seconds[kind].append(seconds)

    def count(self) -> int:
        """Number of all answered calls."""
        return sum(map(len, self._seconds.values()))

    def table(self, title: str) -> Table:
        """Calls and percentiles in milliseconds."""
        table = Table("call", "count", "p50 ms", "p95 ms", "p99 ms", title=title, title_justify="left")
        for kind, seconds in sorted(self._seconds.items()):
            percentiles = np.percentile(np.array(seconds) * 1000, (50, 95, 99))
            table.add_row(kind, str(len(seconds)), *(f"{value:.0f}" for value in percentiles))
        return table
