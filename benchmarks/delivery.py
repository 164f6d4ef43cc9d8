"""From the 201 to the last of 10,000 followers (less one), with nothing else going on.

The last follower of each range is watched: shards push a tweet range by range or in order of ids, in any case to
these towards the end. When all of them have the tweet, everybody is checked.

Stages are told apart by the tweet's id (made when the service begins), its offset in the log (the server's clock),
and what is seen from outside; all of it on one machine, in whole milliseconds.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import httpx
import numpy as np

from benchmarks.bench import Bench
from benchmarks.effort import ROUNDS
from benchmarks.results import Histogram, Row, rounded
from benchmarks.timelines import Timelines
from domain.clock import SystemClock
from domain.ids import log_partition, range_of, time_ms
from domain.limits import DEFAULT
from storage.log_reader import appended_ms

_FOLLOWERS = DEFAULT.pull_threshold - 1
"""The most that are pushed to: from the next one on the author is pulled."""
_POLL_S = 0.001
_GIVE_UP_S = 10.0
_PAUSE_S = 0.05
_WARM_UP = 5
_CLOCK = SystemClock()


class Delivery(NamedTuple):
    """When one tweet was where; wall times in ms."""

    made: int
    """By its id: when the service began to work on it."""
    logged: int
    """By its offset in the log: its batch is committed."""
    answered: int
    first: int
    """Seen with the follower of the smallest id, to whom a shard pushes first."""
    last: int
    """Seen with everybody."""


STAGES: Mapping[str, Callable[[Delivery], float]] = {
    "batch (from the id to the log)": lambda at: at.logged - at.made,
    "answer (from the log to the 201)": lambda at: at.answered - at.logged,
    "read (from the log to the first follower)": lambda at: at.first - at.logged,
    "push (from the first to the last)": lambda at: at.last - at.first,
}


async def measure(bench: Bench) -> list[Row]:
    """The row of the latency; the p99 of each round."""
    rounds = await _rounds(bench)
    took = [[at.last - at.answered for at in found] for found in rounds]
    percentiles = {p: [float(np.percentile(times, p)) for times in took] for p in (50, 95, 99)}
    by_stage = {stage: [of(at) for found in rounds for at in found] for stage, of in STAGES.items()}
    stages = {
        f"{stage}, p50, p95, p99 ms": rounded([float(np.percentile(times, p)) for p in (50, 95, 99)], 1)
        for stage, times in by_stage.items()
    }
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
                "tweets": [len(times) for times in took],
                **stages,
            },
            histogram=Histogram("ms", {**by_stage, "from the 201 to the last": [t for times in took for t in times]}),
        )
    ]


async def _rounds(bench: Bench) -> list[list[Delivery]]:
    author, *followers = await bench.seeder.people(_FOLLOWERS + 1)
    await bench.seeder.follow(author, followers)
    last = {range_of(follower): follower for follower in sorted(followers)}
    everyone, watched = (
        Timelines(bench.servers.redis_url, followers),
        Timelines(bench.servers.redis_url, [*last.values(), min(followers)]),
    )
    everyone.empty()
    partition = log_partition(author, bench.yardstick_stores.partitions)
    rounds: list[list[Delivery]] = []
    async with httpx.AsyncClient(base_url=bench.endpoints.http_url, timeout=30) as client:  # raw: answers are timed
        posted = 0
        for tweets in (_WARM_UP, *[bench.effort.deliveries] * ROUNDS):
            found: list[Delivery] = []
            for _ in range(tweets):
                posted += 1
                id_, answered = await _post(client, bench.tokens.of(author), posted)
                first, seen = await _seen(watched, everyone, posted)
                logged = appended_ms((await bench.stores.ports.log.ends())[partition].last)
                found.append(Delivery(time_ms(id_), logged, answered, first, seen))
                await asyncio.sleep(_PAUSE_S)
            rounds.append(found)
    everyone.close()
    return rounds[1:]


async def _post(client: httpx.AsyncClient, token: str, posted: int) -> tuple[int, int]:
    """The tweet's id, and when it was answered."""
    body = {"text": f"To all of you, for the {posted}th time."}
    answer = await client.post("/api/v1/tweets", json=body, headers={"Authorization": f"Bearer {token}"})
    answered = _CLOCK.now_ms()
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"]), answered


async def _seen(watched: Timelines, everyone: Timelines, posted: int) -> tuple[int, int]:
    """When the first follower, and when everybody has as many tweets as were posted."""
    begun_s = time.perf_counter()
    first = 0
    while True:
        while min(found := watched.entries()) < posted:
            if not first and found[-1] >= posted:
                first = _CLOCK.now_ms()
            assert time.perf_counter() - begun_s < _GIVE_UP_S, "the tweet does not arrive"
            await asyncio.sleep(_POLL_S)
        seen = _CLOCK.now_ms()
        if min(everyone.entries()) >= posted:
            return first or seen, seen
