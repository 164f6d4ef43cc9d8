"""Samples added up in this process, and handed on once a second in the form that Prometheus knows."""

import atexit
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate

from telemetry.metrics import Labels, Series

HandOn = Callable[[Series, str, Labels, float], None]
"""Takes the name and labels of a number, and the number: what a counter grew by, or how anything else stands."""
_INTERVAL_S = 1.0


class Sums:
    """A backend that adds up. A second after a sample a thread, which sleeps otherwise, hands on what has come.

    What is left when the process ends is handed on then.
    """

    def __init__(self, hand_on: HandOn) -> None:
        self._hand_on = hand_on
        self._new: dict[Series, list[float]] = {}
        """Of each series the samples in each bucket, of which only a histogram has several, and their sum."""
        self._histograms: dict[Series, list[float]] = {}
        """The same since the process began."""
        self._adding = threading.Lock()
        self._handing_over = threading.Lock()
        self._any_new = threading.Event()
        self._ending = threading.Event()
        threading.Thread(target=self._repeat, name="metrics", daemon=True).start()
        atexit.register(self._end)

    def record(self, series: Series, value: float) -> None:
        metric = series.metric
        with self._adding:
            if (sums := self._new.get(series)) is None:
                sums = self._new[series] = [0.0] * (len(metric.buckets) + 2)
                self._any_new.set()
            sums[bisect_left(metric.buckets, value)] += 1
            sums[-1] = value if metric.kind == "gauge" else sums[-1] + value

    def _repeat(self) -> None:
        while self._any_new.wait() and not self._ending.wait(_INTERVAL_S):
            self._hand_over()

    def _end(self) -> None:
        self._ending.set()
        self._hand_over()

    def _hand_over(self) -> None:
        with self._handing_over:
            with self._adding:
                new, self._new = self._new, {}
                self._any_new.clear()
            for series, sums in new.items():
                if series.metric.kind == "histogram":
                    before = self._histograms.get(series, [0.0] * len(sums))
                    sums = self._histograms[series] = [a + b for a, b in zip(before, sums, strict=True)]
                for name, labels, value in _numbers(series, sums):
                    self._hand_on(series, name, labels, value)


def _numbers(series: Series, sums: list[float]) -> Iterator[tuple[str, Labels, float]]:
    """The name, labels and value of a series, or of each part of one that is a histogram."""
    metric, labels, (*samples, total) = series.metric, series.labels, sums
    if metric.kind != "histogram":
        yield metric.name, labels, total
        return
    counts = list(accumulate(samples))
    for bound, count in zip((*map(str, metric.buckets), "+Inf"), counts, strict=True):
        yield f"{metric.name}_bucket", (*labels, ("le", bound)), count
    yield f"{metric.name}_count", labels, counts[-1]
    yield f"{metric.name}_sum", labels, total
