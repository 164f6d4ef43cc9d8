"""A spike: 25 times the mean rate of tweets for one second, through the log; and the readers of that time.

The tweets go into the log as posts would, but not through HTTP, which takes no such rate here. Nobody who reads follows
their authors, so that every page stays what it is.
"""

import asyncio
import time
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import home, http_load
from benchmarks.bench import Bench
from benchmarks.effort import ROUNDS
from benchmarks.posting import TweetEvents, paced
from benchmarks.results import Row, rounded
from benchmarks.timelines import Timelines
from domain.ids import UserId

_MEAN_PER_S = 40
"""Tweets; each goes to 400 followers in the mean."""
_TIMES = 25
_APPENDS = 20
"""In that second."""
_AUTHORS = 40
_FOLLOWERS = 400
_CROWD = 4_000
_READING = 16
"""Connections of readers."""
_LOAD_S = 5.0
_POLL_S = 0.02
_GIVE_UP_S = 60.0
_SEED = 23


@dataclass(slots=True)
class _Crowd:
    """Authors, and followers who all have a timeline."""

    bench: Bench
    authors: list[UserId]
    timelines: Timelines
    tweets: TweetEvents

    async def spike(self) -> float:
        """Append the tweets of one second; the seconds from its end until the last of them was delivered."""
        self.timelines.empty()
        each = _MEAN_PER_S * _TIMES // _APPENDS
        async for number in paced(_APPENDS + 1, _APPENDS):
            if number < _APPENDS:
                authors = [self.authors[at % len(self.authors)] for at in range(number * each, (number + 1) * each)]
                await self.bench.stores.ports.log.append(list(map(self.tweets.by, authors)))
        ended_s = time.perf_counter()
        expected = _MEAN_PER_S * _TIMES * _FOLLOWERS
        while (found := sum(await asyncio.to_thread(self.timelines.entries))) < expected:
            assert time.perf_counter() - ended_s < _GIVE_UP_S, f"only {found} of {expected} deliveries"
            await asyncio.sleep(_POLL_S)
        return time.perf_counter() - ended_s


async def measure(bench: Bench) -> list[Row]:
    """The rows of the spike: until it is drained, and what it does to those who read meanwhile."""
    world = await bench.world(1)
    crowd = await _crowd(bench)
    url, pages = bench.endpoints.http_url, home.requests(bench, world)
    effort = replace(bench.effort, load_s=_LOAD_S)
    await crowd.spike()  # loads the followers
    quiet: list[float] = []
    loud: list[float] = []
    drained: list[float] = []
    for _ in range(ROUNDS):
        quiet.append((await asyncio.to_thread(http_load.drive, url, pages, effort, _READING)).p99_ms)
        load = asyncio.create_task(asyncio.to_thread(http_load.drive, url, pages, effort, _READING))
        await asyncio.sleep(effort.warm_up_s + 1)
        drained.append(await crowd.spike() * 1_000)
        loud.append((await load).p99_ms)
    crowd.timelines.close()
    await home.compare(bench, world, world.readers)
    sizes = {"tweets": _MEAN_PER_S * _TIMES, "deliveries": _MEAN_PER_S * _TIMES * _FOLLOWERS}
    return [
        Row(
            key="spike_drain_ms",
            what=f"spike of {_TIMES}x {_MEAN_PER_S} tweets/s for a second: from its end to the last delivery",
            against="—",
            unit="ms",
            values=drained,
            target=5_000,
            figures=sizes,
        ),
        Row(
            key="spike_reads",
            what=f"first page during the spike, p99, {_READING} connections",
            against="before it: p99 before / p99 during",
            unit="x",
            values=[before / during for before, during in zip(quiet, loud, strict=True)],
            target=0.5,
            figures={"p99 ms before": rounded(quiet, 1), "during": rounded(loud, 1)},
        ),
    ]


async def _crowd(bench: Bench) -> _Crowd:
    rng = np.random.default_rng(_SEED)
    followers = await bench.seeder.people(_CROWD)
    authors = await bench.seeder.people(_AUTHORS)
    for author in authors:
        await bench.seeder.follow(author, rng.choice(followers, _FOLLOWERS, replace=False).tolist())
    return _Crowd(bench, list(map(UserId, authors)), Timelines(bench.servers.redis_url, followers), TweetEvents())
