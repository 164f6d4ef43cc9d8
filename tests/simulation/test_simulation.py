"""Does any history break what the design promises? Replay a seed with `pytest tests/simulation --seed S`."""

import random
from collections import Counter
from dataclasses import replace
from functools import cache, partial

import pytest

from actors.registry import RECONCILER
from tests.simulation.run import DEFAULT_SEEDS, Result, Story, run
from tests.simulation.scheduler import NO_FAULTS, CrashAt
from tests.simulation.smallest import smallest
from tests.simulation.world import COUNTING, REPLICAS, SHARDS, TINY

SAFEGUARDS = (
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
    "below_floor",
    "superseded",
    "tombstone",
    "staleness",
    "own_count",
    "block_wins",
    "request_resolved",
    "short_page",
    "view_overflow",
)
"""What protects exactness: histories that never take one of these test nothing of it."""

history_of = cache(run)


def test_after_any_history_everything_is_exact(seed: int) -> None:
    result: Result = history_of(seed)
    assert not result.problems, smallest(result).report()


QUIET = Story(actions=(3, 2, 1), disasters=("evict",), faults=NO_FAULTS)
"""Short, and nothing else goes wrong: what a crash leaves behind is healed by nothing but what is there for it."""
quiet_history_of = cache(partial(run, story=QUIET))


@pytest.mark.parametrize("who", [*REPLICAS, *SHARDS, *COUNTING, RECONCILER])
def test_after_a_crash_at_any_call_everything_is_exact(who: str, seed: int) -> None:
    """Every seed is another story, and somebody dies at another of their calls."""
    calls = quiet_history_of(seed).calls[who]
    result = run(seed, story=replace(QUIET, crash_at=CrashAt(who, random.Random(f"{seed} {who}").randint(1, calls))))
    assert f"{who} crashes" in "\n".join(result.history)
    assert not result.problems, result.report()


def test_nothing_is_compared_before_the_slowest_reader_has_read_everything_again() -> None:
    result = run(0, story=Story(disasters=("flush",), faults=NO_FAULTS), limits=replace(TINY, handled_max=1))
    assert result.edges["incarnation"] > 0
    assert not result.problems, result.report()


def test_every_protected_edge_is_taken() -> None:
    taken = Counter[str]()
    for seed in range(DEFAULT_SEEDS):
        taken.update(history_of(seed).edges)
    assert [edge for edge in SAFEGUARDS if not taken[edge]] == []


def test_a_seed_has_one_history() -> None:
    once, again = history_of(0), run(0)
    assert again.history == once.history
    assert again.contents == once.contents
    told = run(0, story=once.story)
    assert told.history == once.history, "what is reported is what happened, whoever decided its faults"
