"""Metrics through Ray: each node's agent exports those of its processes, their names prefixed `ray_`."""

from functools import cache

from ray.util.metrics import Counter, Gauge, Histogram

from telemetry.metrics import Labels, Metric


class RayBackend:
    """Backend over `ray.util.metrics`."""

    def record(self, metric: Metric, value: float, labels: Labels) -> None:
        made = _made(metric)
        if isinstance(made, Counter):
            if value > 0:
                made.inc(value, dict(labels))
        elif isinstance(made, Gauge):
            made.set(value, dict(labels))
        else:
            made.observe(value, dict(labels))


@cache
def _made(metric: Metric) -> Counter | Gauge | Histogram:
    """The Ray metric of a declared one: made once, when it is first used."""
    keys = tuple(sorted(metric.labels))
    if metric.kind == "counter":
        return Counter(metric.name, metric.help, keys)
    if metric.kind == "gauge":
        return Gauge(metric.name, metric.help, keys)
    return Histogram(metric.name, metric.help, list(metric.buckets), keys)
