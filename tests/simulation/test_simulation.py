"""Does any history break what the design promises? Replay a seed with `pytest tests/simulation --seed S`."""

from collections import Counter
from functools import cache

from tests.simulation.run import DEFAULT_SEEDS, Result, run

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
