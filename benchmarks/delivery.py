"""From the 201 to the last of 10,000 followers (less one), with nothing else going on.

The last follower of each range is watched: shards push a tweet range by range or in order of ids, in any case to
these towards the end. When all of them have the tweet, everybody is checked.
"""

import asyncio
import time

import httpx
import numpy as np

from benchmarks.bench import Bench
from benchmarks.effort import ROUNDS
from benchmarks.results import Row, rounded
from benchmarks.timelines import Timelines
from domain.ids import range_of
from domain.limits import DEFAULT

_FOLLOWERS = DEFAULT.pull_threshold - 1
"""The most that are pushed to: from the next one on the author is pulled."""
_POLL_S = 0.001
_GIVE_UP_S = 10.0
_PAUSE_S = 0.05
_WARM_UP = 5


async def measure(bench: Bench) -> list[Row]:
    """The row of the latency; the p99 of each round."""
    seconds = await _rounds(bench)
    percentiles = {p: [float(np.percentile(times, p)) * 1_000 for times in seconds] for p in (50, 95, 99)}
    return [
        Row(
            key="delivery_ms",
            what=f"from 201 to the last of {_FOLLOWERS:,} followers, unqueued, p99",
            against="—",
            unit="ms",
            values=percentiles[99],
            target=200,
            figures={
                "p50 ms": rounded(percentiles[50], 1),
                "p95 ms": rounded(percentiles[95], 1),
                "tweets": [len(times) for times in seconds],
            },
        )
    ]


async def _rounds(bench: Bench) -> list[list[float]]:
    author, *followers = await bench.seeder.people(_FOLLOWERS + 1)
    await bench.seeder.follow(author, followers)
    last = {range_of(follower): follower for follower in sorted(followers)}
    everyone, watched = (
        Timelines(bench.servers.redis_url, followers),
        Timelines(bench.servers.redis_url, [*last.values()]),
    )
    everyone.empty()
    seconds: list[list[float]] = []
    async with httpx.AsyncClient(base_url=bench.endpoints.http_url, timeout=30) as client:
        posted = 0
        for tweets in (_WARM_UP, *[bench.effort.deliveries] * ROUNDS):
            times: list[float] = []
            for _ in range(tweets):
                posted += 1
                times.append(await _one(client, bench.tokens.of(author), posted, watched, everyone))
                await asyncio.sleep(_PAUSE_S)
            seconds.append(times)
    everyone.close()
    return seconds[1:]


async def _one(client: httpx.AsyncClient, token: str, posted: int, watched: Timelines, everyone: Timelines) -> float:
    """Post, and wait until everybody has as many tweets as were posted."""
    body = {"text": f"To all of you, for the {posted}th time."}
    answer = await client.post("/api/v1/tweets", json=body, headers={"Authorization": f"Bearer {token}"})
    begun_s = time.perf_counter()
    assert answer.status_code == 201, answer.text
    while True:
        while min(watched.entries()) < posted:
            assert time.perf_counter() - begun_s < _GIVE_UP_S, "the tweet does not arrive"
            await asyncio.sleep(_POLL_S)
        seen_s = time.perf_counter()
        if min(everyone.entries()) >= posted:
            return seen_s - begun_s
