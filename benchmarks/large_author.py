"""A post by an author with very many followers, all of them pushed to, beside the posts of others.

What is compared is how long the others' posts take from their id to the last follower, with that post and without.
"""

import asyncio

import numpy as np
import uvloop
from typing_extensions import override

from benchmarks.effort import ROUNDS, Effort
from benchmarks.posting import paced
from benchmarks.results import Row, rounded
from benchmarks.shard import ShardWorld
from benchmarks.system import Servers
from domain.ids import UserId
from storage.stores import StoreConfig
from telemetry import metrics

_AUTHORS = 100
_FOLLOWERS = 100
"""Of each of the others."""
_PER_S = 200
_WAIT_MS = 5


class _Observed(metrics.LocalBackend):
    """Keeps every duration from a tweet's id to its last delivery, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    @override
    def record(self, series: metrics.Series, value: float) -> None:
        super().record(series, value)
        if series.metric is metrics.FANOUT_SECONDS:
            self.seconds.append(value)


def measure(servers: Servers, effort: Effort) -> list[Row]:
    """The row of the large author."""
    return [uvloop.run(_measure(servers.stores("benchmark_large_author"), effort))]


async def _measure(config: StoreConfig, effort: Effort) -> Row:
    world = await ShardWorld.open(config, effort.large_followers, [_FOLLOWERS] * _AUTHORS + [effort.large_followers])
    try:
        *others, large = world.followers
        world.timelines.empty()
        await world.drain(await world.append([*others, large]))  # loads the followers
        alone: list[float] = []
        beside: list[float] = []
        took: list[float] = []
        for _ in range(ROUNDS):
            seconds = await _seconds(world, others, None, effort)
            alone.append(float(np.percentile(seconds, 99)) * 1_000)
            *seconds, longest = sorted(await _seconds(world, others, large, effort))
            beside.append(float(np.percentile(seconds, 99)) * 1_000)
            took.append(longest * 1_000)
    finally:
        await world.close()
    return Row(
        key="large_author",
        what=f"{_PER_S} posts/s, p99 from id to last follower, beside one to {effort.large_followers:,} followers",
        against="the same posts alone: p99 alone / p99 beside",
        unit="x",
        values=[quiet / loud for quiet, loud in zip(alone, beside, strict=True)],
        target=0.5,
        figures={
            "p99 ms alone": rounded(alone, 1),
            "p99 ms beside": rounded(beside, 1),
            "ms of the large one": rounded(took),
        },
    )


async def _seconds(world: ShardWorld, others: list[UserId], large: UserId | None, effort: Effort) -> list[float]:
    """Durations of all posts of a load; the large one comes first."""
    observed = world.counted = _Observed()
    metrics.install(observed)
    due = 0

    async def post() -> None:
        nonlocal due
        due += await world.append([large]) if large is not None else 0
        async for number in paced(int(_PER_S * effort.load_s), _PER_S):
            due += await world.append([others[number % len(others)]])

    posting = asyncio.create_task(post())
    while not posting.done():
        await world.step(_WAIT_MS)
    await posting
    await world.drain(due - world.delivered)
    return observed.seconds
