"""A follow graph as people make them: few are followed by many, many by few."""

import numpy as np

Edge = tuple[int, int]
"""(follower, followee), numbered from 0."""

_SPREAD = 0.7
"""Of how many accounts people follow (sigma of a log-normal)."""
_SKEW = 0.85
"""The n-th most followed attracts 1 / n**skew as many as the first."""


def follow_graph(users: int, seed: int, *, followees_mean: float = 15.0, followees_max: int = 60) -> list[Edge]:
    """Edges between people in random order; the same for the same seed."""
    if users < 2:
        return []
    rng = np.random.default_rng(seed)
    weights = rng.permutation(1.0 / np.arange(1, users + 1) ** _SKEW)
    followees = rng.lognormal(np.log(followees_mean) - _SPREAD**2 / 2, _SPREAD, users)
    most = min(followees_max, users - 1)
    edges: list[Edge] = []
    for user, count in enumerate(np.clip(np.rint(followees), 1, most).astype(int).tolist()):
        others = weights.copy()
        others[user] = 0.0
        chosen = rng.choice(users, size=count, replace=False, p=others / others.sum())
        edges += [(user, followee) for followee in chosen.tolist()]
    order = rng.permutation(len(edges)).tolist()
    return [edges[at] for at in order]
