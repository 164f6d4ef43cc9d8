"""Metrics through Ray: each node's agent exports those of its processes, their names prefixed `ray_`."""

from ray.util.metrics import Counter, Gauge, Histogram

from telemetry.metrics import Labels, Metric


class RayBackend:
    """Backend over `ray.util.metrics`; one Ray metric is made per declared metric, when it is first used."""

    def __init__(self) -> None:
        self._made: dict[str, Counter | Gauge | Histogram] = {}

    def record(self, metric: Metric, value: float, labels: Labels) -> None:
        made = self._made.get(metric.name)
        if made is None:
            made = self._made[metric.name] = _make(metric)
        if isinstance(made, Counter):
            if value > 0:
                made.inc(value, dict(labels))
        elif isinstance(made, Gauge):
            made.set(value, dict(labels))
        else:
            made.observe(value, dict(labels))


def _make(metric: Metric) -> Counter | Gauge | Histogram:
    keys = tuple(sorted(metric.labels))
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, keys)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.help, keys)
    return Histogram(metric.name, metric.help, list(metric.buckets), keys)
