"""People who sign up on a system, and whom they follow."""

import secrets

import numpy as np
from rich.progress import Progress

from cluster.client.api import Account, ApiClient
from cluster.client.pool import each_with_bar

Edge = tuple[int, int]
"""(follower, followee), numbered from 0."""

_PASSWORD = "correct horse battery"
_REGISTRATIONS_AT_ONCE = 8
_SPREAD = 0.7
"""Of how many accounts people follow (sigma of a log-normal)."""
_SKEW = 0.85
"""The n-th most followed attracts 1 / n**skew as many as the first."""


def new_tag() -> str:
    """A prefix of names that nobody on the system has yet: at most 15 signs with a number behind it."""
    return f"m{secrets.token_hex(3)}"


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


async def sign_up(api: ApiClient, users: int, tag: str, bars: Progress) -> list[Account]:
    """Sign people up. `tag` keeps the names of several runs on one system apart."""
    people: dict[int, Account] = {}

    async def one(number: int) -> None:
        username = f"{tag}_{number}"
        people[number] = await api.sign_up(username, f"{username}@murmur.example", _PASSWORD)

    await each_with_bar(bars, "Signing up", one, range(users), at_once=_REGISTRATIONS_AT_ONCE)
    return [people[number] for number in range(users)]
