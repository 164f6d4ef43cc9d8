"""How long the first page takes a reader of 300 followees whose timeline is absent and must be built."""

import time
from collections.abc import Sequence

import httpx
import numpy as np
import redis

from benchmarks import home
from benchmarks.bench import Bench
from benchmarks.effort import PAGE_TWEETS, ROUNDS
from benchmarks.results import Row, rounded
from benchmarks.timelines import Timelines
from benchmarks.world import World
from domain.ids import UserId
from storage import keys
from storage.ports.cache import ListKey, ListKind

_FOLLOWEES = 300
_USERS = 600
_READERS = 10
_TWEETS_EACH = 20
_COLD = 10
"""Times in each round that the followees' recent tweets are absent as well."""


async def measure(bench: Bench) -> list[Row]:
    """The row of the rebuild with the followees' recent tweets in Redis, and the one without."""
    world = await bench.seeder.of(_USERS, _READERS, _FOLLOWEES, _TWEETS_EACH)
    timelines = Timelines(bench.servers.redis_url, world.readers)
    await home.compare(bench, world, world.readers)
    warm: list[list[float]] = []
    cold: list[list[float]] = []
    for _ in range(ROUNDS):
        warm.append(await _times(bench, world, timelines, bench.effort.rebuilds, cold=False))
        cold.append(await _times(bench, world, timelines, _COLD, cold=True))
    timelines.unlink()
    await home.compare(bench, world, world.readers)
    return [
        _row("rebuild_ms", "with their recent tweets in Redis", warm, 100),
        _row("rebuild_cold_ms", "with all of them read from Cassandra", cold, None),
    ]


def _row(key: str, how: str, seconds: Sequence[Sequence[float]], target: float | None) -> Row:
    percentiles = {p: [float(np.percentile(times, p)) * 1_000 for times in seconds] for p in (50, 99)}
    return Row(
        key=key,
        what=f"first page of an absent timeline of {_FOLLOWEES} followees, {how}, p99",
        against="—",
        unit="ms",
        values=percentiles[99],
        target=target,
        figures={"p50 ms": rounded(percentiles[50], 1), "rebuilds": [len(times) for times in seconds]},
    )


async def _times(bench: Bench, world: World, timelines: Timelines, number: int, *, cold: bool) -> list[float]:
    partitions = bench.yardstick_stores.partitions
    author_timelines = [keys.list_key(ListKey(ListKind.AUTHOR, user), partitions) for user in map(UserId, world.users)]
    seconds: list[float] = []
    async with httpx.AsyncClient(base_url=bench.endpoints.http_url, timeout=30) as client:  # raw: answers are timed
        for at in range(number):
            timelines.unlink()
            if cold:
                with redis.Redis.from_url(bench.servers.redis_url) as stored:
                    stored.unlink(*author_timelines)
            token = bench.tokens.of(world.readers[at % len(world.readers)])
            begun_s = time.perf_counter()
            answer = await client.get(
                f"/api/v1/timeline/home?limit={PAGE_TWEETS}", headers={"Authorization": f"Bearer {token}"}
            )
            seconds.append(time.perf_counter() - begun_s)
            assert answer.status_code == 200, answer.text
    return seconds
