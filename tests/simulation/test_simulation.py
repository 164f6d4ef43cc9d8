"""Does any history break what the design promises? Replay a seed with `pytest tests/simulation --seed S`."""

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from tests.simulation.run import DEFAULT_SEEDS, Result, Story, run
from tests.simulation.scheduler import NO_FAULTS, CrashAt
from tests.simulation.smallest import smallest
from tests.simulation.world import COUNTERS, RECONCILER, REPLICAS, SHARDS

EDGES = (
    "trim",
    "slice",
    "pull",
    "threshold_crossing",
    "catch_up",
    "incarnation",
    "fence",
    "rebuild",
    "rebuild_race",
    "reconciler_repair",
    "seam",
    "superseded",
    "tombstone",
)
"""What protects exactness: histories that never take one of these test nothing of it."""

history_of = cache(run)


def test_after_any_history_everything_is_exact(seed: int) -> None:
    result: Result = history_of(seed)
    assert not result.problems, smallest(result).report()


QUIET = Story(actions=(2, 0, 1), disasters=(), faults=NO_FAULTS)
"""Short, so that everybody can be made to crash at each of their calls."""


@pytest.mark.parametrize("who", [REPLICAS[0], SHARDS[0], COUNTERS, RECONCILER])
def test_after_a_crash_at_any_call_everything_is_exact(who: str, seeds: int) -> None:
    calls = run(seeds, story=QUIET).calls[who]
    for call in range(1, calls + 1, max(1, calls // seeds)):
        result = run(seeds, story=replace(QUIET, crash_at=CrashAt(who, call)))
        assert f"{who} crashes" in "\n".join(result.history)
        assert not result.problems, result.report()


def test_every_protected_edge_is_taken() -> None:
    taken = Counter[str]()
    for seed in range(DEFAULT_SEEDS):
        taken.update(history_of(seed).edges)
    assert [edge for edge in EDGES if not taken[edge]] == []


def test_a_seed_has_one_history() -> None:
    once, again = history_of(0), run(0)
    assert again.history == once.history
    assert again.contents == once.contents
