"""Metrics through Ray: each node's agent exports those of its processes, their names prefixed `ray_`.

The parts of a histogram are gauges: the agent would record every observation of Ray's own histograms anew, in a loop.
"""

from functools import cache

from ray.util.metrics import Counter, Gauge

from telemetry.metrics import Labels, Metric, Series
from telemetry.sums import Sums


class RayBackend(Sums):
    """Backend over `ray.util.metrics`."""

    def __init__(self) -> None:
        super().__init__(_hand_on)


def _hand_on(series: Series, name: str, labels: Labels, value: float) -> None:
    made = _made(series.metric, name, tuple(label for label, _ in labels))
    if isinstance(made, Gauge):
        made.set(value, dict(labels))
    elif value > 0:
        made.inc(value, dict(labels))


@cache
def _made(metric: Metric, name: str, labels: tuple[str, ...]) -> Counter | Gauge:
    """The Ray metric of a series: made once, when it is first used."""
    return (Counter if metric.kind == "counter" else Gauge)(name, metric.help, labels)
