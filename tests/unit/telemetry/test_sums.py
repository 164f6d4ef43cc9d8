"""Samples are added up in their process, and every one of them gets out."""

import asyncio
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from telemetry import metrics
from telemetry.metrics import Labels, Series
from telemetry.sums import Sums
from tests.support.waiting import eventually

AT_EXIT = """
from telemetry import metrics
from telemetry.sums import Sums

metrics.install(Sums(lambda _, name, labels, value: print(name, labels, value)))
metrics.RATE_LIMITED.record(3, limit="address")
"""


class Heard:
    """Whatever is handed on: counters added up, of everything else how it stands."""

    def __init__(self) -> None:
        self.values: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        self.times: defaultdict[tuple[str, Labels], int] = defaultdict(int)

    def __call__(self, series: Series, name: str, labels: Labels, value: float) -> None:
        before = self.values[name, labels] if series.metric.kind == "counter" else 0.0
        self.values[name, labels] = before + value
        self.times[name, labels] += 1

    async def becomes(self, expected: float, name: str, *labels: tuple[str, str]) -> None:
        async def value() -> float:
            await asyncio.sleep(0)
            return self.values[name, labels]

        await eventually(value, lambda seen: seen == expected)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    found = Heard()
    monkeypatch.setattr(metrics, "_backend", Sums(found))
    return found


async def test_what_is_recorded_last_is_handed_on_though_nothing_comes_after_it(heard: Heard) -> None:
    metrics.FLOW_RESTARTS.record()
    await heard.becomes(1, "murmur_flow_restarts")
    metrics.FLOW_RESTARTS.record(2)
    await heard.becomes(3, "murmur_flow_restarts")


async def test_samples_of_one_second_are_handed_on_as_one(heard: Heard) -> None:
    for shard in range(100):
        metrics.FANOUT_QUEUE.record(shard, shard="fanout-0")
        metrics.CACHE.record(kind="tweet", outcome="hit")
        metrics.CACHE.record(outcome="hit", kind="tweet")
    hits = ("murmur_cache", ("kind", "tweet"), ("outcome", "hit"))
    await heard.becomes(200, *hits)
    await heard.becomes(99, "murmur_fanout_queue", ("shard", "fanout-0"))
    assert heard.times[hits[0], hits[1:]] <= 2  # a second may end in between


async def test_a_histogram_is_the_samples_up_to_each_bound_and_their_number_and_sum(heard: Heard) -> None:
    expected = {"10.0": 1.0, "25.0": 2.0, "600.0": 2.0, "800.0": 3.0, "1000.0": 3.0, "+Inf": 4.0}
    for entries in (10, 11, 800, 1_001):
        metrics.TIMELINE_ENTRIES.record(entries)
    await heard.becomes(4, "murmur_timeline_entries_count")
    await heard.becomes(1_822, "murmur_timeline_entries_sum")
    assert {edge: heard.values["murmur_timeline_entries_bucket", (("le", edge),)] for edge in expected} == expected
    metrics.TIMELINE_ENTRIES.record(1)
    await heard.becomes(5, "murmur_timeline_entries_count")
    await heard.becomes(1_823, "murmur_timeline_entries_sum")
    await heard.becomes(2, "murmur_timeline_entries_bucket", ("le", "10.0"))


async def test_threads_that_count_at_once_lose_nothing(heard: Heard) -> None:
    def count() -> None:
        for _ in range(20_000):
            metrics.FLOW_RESTARTS.record()

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(count)
    await heard.becomes(80_000, "murmur_flow_restarts")


def test_what_is_left_when_the_process_ends_is_handed_on() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=True)
    assert done.stdout == "murmur_rate_limited (('limit', 'address'),) 3.0\n"


def test_labels_that_a_metric_does_not_declare_are_refused_every_time() -> None:
    for _ in range(2):
        with pytest.raises(AssertionError, match="takes the labels"):
            metrics.CACHE.record(kind="tweet")
        with pytest.raises(AssertionError, match="is not declared"):
            metrics.CACHE.record(kind="tweet", outcome="lost")
