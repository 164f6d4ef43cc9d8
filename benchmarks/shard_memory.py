"""Memory of the followers that a shard holds, by the edge; what an author costs besides is told apart from it."""

import tracemalloc

import numpy as np

from benchmarks.effort import Effort
from benchmarks.results import Row
from domain.fanout import FollowerSets
from domain.limits import DEFAULT

_AUTHORS = 2_000
_FEW, _MANY = 400, 1_600
"""Followers of each author, whose difference is that of edges alone."""
_SEED = 5


def measure(_: Effort) -> list[Row]:
    """The row of the memory, which takes no longer for more."""
    _bytes(1)  # what is loaded at the first use is nobody's
    few, many = _bytes(_FEW), _bytes(_MANY)
    per_edge = (many - few) / (_AUTHORS * (_MANY - _FEW))
    return [
        Row(
            key="shard_memory",
            what="memory of a shard by follower edge",
            against="—",
            unit="B",
            values=[per_edge],
            target=8,
            figures={
                "bytes by author besides": round(few / _AUTHORS - per_edge * _FEW),
                f"bytes by edge, authors of {_FEW} included": round(few / (_AUTHORS * _FEW), 2),
                "edges at most": DEFAULT.follower_edges_max,
            },
        )
    ]


def _bytes(followers: int) -> int:
    """What Python and numpy hold for authors with so many followers each."""
    rng = np.random.default_rng(_SEED)
    tracemalloc.start()
    sets = FollowerSets(DEFAULT.follower_edges_max)
    for author in range(_AUTHORS):
        sets.put(author, rng.integers(0, 1 << 62, followers, dtype=np.uint64))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sets.edges == _AUTHORS * followers
    return held
