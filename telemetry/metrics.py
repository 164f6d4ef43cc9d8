"""Every metric of the engine, declared once: unit in the name, meaning in the help, a closed set of label values.

A process counts into a `Backend`: the local one until `install` replaces it (Ray's, in actors and replicas). Either
adds up in the process, so that a call costs about a microsecond.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[tuple[str, str], ...]

BY_CODE: tuple[str, ...] = ()
"""Label values that the code bounds (route patterns, status codes, actor names), never what a client sent."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A declared metric: its name, its meaning, and the labels it may carry."""

    kind: Kind
    name: str
    help: str
    labels: Mapping[str, tuple[str, ...]]
    buckets: tuple[float, ...] = ()
    """The upper bounds of a histogram's buckets, but for that of the last."""
    _series: "dict[Labels, Series]" = field(default_factory=dict, init=False, repr=False)
    """Those that were recorded, by their labels as they were given."""

    def __post_init__(self) -> None:
        assert self.name not in CATALOGUE, f"{self.name} is declared twice"
        CATALOGUE[self.name] = self

    def record(self, value: float = 1, **labels: str) -> None:
        """Count, set or observe, in whatever backend is installed."""
        given = tuple(labels.items())
        _backend.record(self._series.get(given) or self._begin(given), value)

    def _begin(self, given: Labels) -> "Series":
        assert dict(given).keys() == self.labels.keys(), f"{self.name} takes the labels {list(self.labels)}"
        for name, label in given:
            assert not self.labels[name] or label in self.labels[name], f"{name}={label} is not declared"
        ordered = tuple(sorted(given))
        return self._series.setdefault(given, self._series.setdefault(ordered, Series(self, ordered)))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A metric with a value for each of its labels."""

    metric: Metric
    labels: Labels


CATALOGUE: dict[str, Metric] = {}
"""Every declared metric by name; docs and the tidy test follow from it."""


class Backend(Protocol):
    """A sink of samples."""

    def record(self, series: Series, value: float) -> None:
        """Add to a counter, set a gauge, or observe a histogram's value."""
        ...


class LocalBackend:
    """Sums kept in this process, for tests and the simulation."""

    def __init__(self) -> None:
        self.values: defaultdict[tuple[str, Labels], float] = defaultdict(float)

    def record(self, series: Series, value: float) -> None:
        name = series.metric.name
        before = 0.0 if series.metric.kind == "gauge" else self.values[name, series.labels]
        self.values[name, series.labels] = before + value

    def total(self, metric: Metric, **labels: str) -> float:
        """Sum of all series of a metric that carry these labels."""
        wanted = set(labels.items())
        return sum(v for (name, found), v in self.values.items() if name == metric.name and wanted <= set(found))


_backend: Backend = LocalBackend()


def install(backend: Backend) -> None:
    """Replace the backend of this process. Done once, where a process is set up."""
    global _backend
    _backend = backend


def _counter(name: str, help_: str, **labels: tuple[str, ...]) -> Metric:
    return Metric("counter", name, help_, labels)


def _gauge(name: str, help_: str, **labels: tuple[str, ...]) -> Metric:
    return Metric("gauge", name, help_, labels)


def _histogram(name: str, help_: str, buckets: tuple[float, ...], **labels: tuple[str, ...]) -> Metric:
    return Metric("histogram", name, help_, labels, buckets)


_ENTRIES = (10.0, 25.0, 50.0, 100.0, 200.0, 400.0, 600.0, 800.0, 1_000.0)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS = _counter("murmur_requests", "HTTP requests by route pattern and status code.", route=BY_CODE, status=BY_CODE)
REQUEST_SECONDS = _histogram("murmur_request_seconds", "Time to answer a request.", _SECONDS, route=BY_CODE)
STORE_ERRORS = _counter(
    "murmur_store_errors",
    "Calls that a store did not answer, or that its open breaker refused.",
    store=("cassandra", "redis"),
    cause=("timeout", "unreachable", "breaker_open", "other"),
)
EVENTS_APPENDED = _counter(
    "murmur_events_appended", "Events appended to the log, by who did it.", by=("command", "reconciler", "dead_letter")
)
EVENTS_HANDLED = _counter(
    "murmur_events_handled", "Events that a consumer of the log has dealt with.", consumer=BY_CODE
)
EVENTS_UNKNOWN = _counter(
    "murmur_events_unknown",
    "Events that were skipped because only a newer release knows their kind, by who met them.",
    consumer=BY_CODE,
)
DEAD_LETTERS = _counter("murmur_dead_letters", "Events given up by a consumer.", consumer=BY_CODE)
DELIVERIES = _counter(
    "murmur_fanout_deliveries",
    "Entries pushed to followers; to an absent timeline nothing is pushed.",
    outcome=("delivered", "absent"),
)
FANOUT_SECONDS = _histogram("murmur_fanout_seconds", "From a tweet's id to its last push by a shard.", _SECONDS)
FANOUT_QUEUE = _gauge("murmur_fanout_queue", "Tweets that a shard is fanning out right now.", shard=BY_CODE)
FOLLOWER_EDGES = _gauge("murmur_fanout_follower_edges", "Follower edges that a shard holds in memory.", shard=BY_CODE)
TIMELINE_ENTRIES = _histogram(
    "murmur_timeline_entries", "Length of a home timeline's cached part when it is read.", _ENTRIES
)
CACHE = _counter(
    "murmur_cache",
    "Look-ups by kind and outcome.",
    kind=("timeline", "author_timeline", "tweet", "counts", "following", "engaged", "user", "session", "view"),
    outcome=("hit", "miss"),
)
SAFEGUARDS = _counter(
    "murmur_safeguards",
    "How often a safeguard of exactness was used.",
    safeguard=(
        "trim",
        "slice",
        "pull",
        "threshold_crossing",
        "rebuild",
        "rebuild_race",
        "reconciler_repair",
        "below_floor",
        "catch_up",
        "incarnation",
        "fence",
        "superseded",
        "block_wins",
        "request_resolved",
        "tombstone",
        "staleness",
        "own_count",
        "short_page",
        "view_overflow",
    ),
)
FLOW_LAG = _gauge(
    "murmur_flow_lag_seconds",
    "How far behind now the trends dataflow is in a partition; at rest half a second, which late events are given.",
    partition=BY_CODE,
)
FLOW_LATE = _counter("murmur_flow_late_mentions", "Tags of tweets that came when no window reached back to them.")
FLOW_SNAPSHOT_BYTES = _counter("murmur_flow_snapshot_bytes", "Bytes of state that the trends dataflow wrote down.")
FLOW_SNAPSHOT_SECONDS = _histogram(
    "murmur_flow_snapshot_seconds", "Time to write down the state of a bucket of tags.", _SECONDS
)
FLOW_RESTARTS = _counter("murmur_flow_restarts", "Times that the trends dataflow went back to its last snapshot.")
RATE_LIMITED = _counter("murmur_rate_limited", "Requests refused by a rate limit.", limit=BY_CODE)
FAILED_LOG_INS = _counter("murmur_failed_log_ins", "Log-ins with a wrong password, or a login that nobody has.")
REFRESH_TOKENS_REUSED = _counter("murmur_refresh_tokens_reused", "Refresh tokens that came a second time.")
SESSIONS_REVOKED = _counter(
    "murmur_sessions_revoked", "Sessions that were ended before their time.", by=("log_out", "reuse")
)
