"""Metrics through Ray: each node's agent exports those of its processes, their names prefixed `ray_`."""

from ray.util.metrics import Counter, Gauge, Histogram

from telemetry.metrics import Labels, Spec


class RayBackend:
    """Backend over `ray.util.metrics`; one Ray metric is made per declared metric, when it is first used."""

    def __init__(self) -> None:
        self._made: dict[str, Counter | Gauge | Histogram] = {}

    def record(self, spec: Spec, value: float, labels: Labels) -> None:
        made = self._made.get(spec.name)
        if made is None:
            made = self._made[spec.name] = _make(spec)
        if isinstance(made, Counter):
            if value > 0:
                made.inc(value, dict(labels))
        elif isinstance(made, Gauge):
            made.set(value, dict(labels))
        else:
            made.observe(value, dict(labels))


def _make(spec: Spec) -> Counter | Gauge | Histogram:
    keys = tuple(sorted(spec.labels))
    if spec.kind == "counter":
        return Counter(spec.name, spec.help, keys)
    if spec.kind == "gauge":
        return Gauge(spec.name, spec.help, keys)
    return Histogram(spec.name, spec.help, list(spec.buckets), keys)
