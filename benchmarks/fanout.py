"""Fan-out, from the log to Redis: one shard that owns every range, one Redis, followers of very different number.

The subject is `FanoutShard.step` as an actor runs it. Appending to the log is not part of what is timed. Every round
begins with empty timelines, and their lengths at its end must add up to what was to be delivered.
"""

import asyncio
from statistics import median

import numpy as np
import numpy.typing as npt
import uvloop

from benchmarks import redis_push
from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Row, rounded
from benchmarks.shard import ShardWorld
from benchmarks.system import Servers
from storage.opening import StoreConfig

_SEED = 7
_PEOPLE = 50_000
"""Those who follow; each has a timeline."""
_AUTHORS = 200
_FOLLOWERS_MEAN = 400
_FOLLOWERS_MAX = 20_000
_BACKLOG = 2_000
_SMALL, _LARGE = 2_000, 20_000
"""Followers of the two authors by whom linear growth is judged."""
_REPEATS = 20


def measure(servers: Servers, effort: Effort) -> list[Row]:
    """The rows of the fan-out."""
    return uvloop.run(_measure(servers.stores("benchmark_fanout"), effort))


async def _measure(config: StoreConfig, effort: Effort) -> list[Row]:
    sizes = _sizes(np.random.default_rng(_SEED)).tolist()
    fanout = await ShardWorld.open(config, _PEOPLE, [*sizes, _SMALL, _LARGE])
    try:
        *authors, small, large = fanout.followers
        await fanout.rate([*fanout.followers, *authors], 10)  # loads the followers, and warms up
        backlog = np.random.default_rng(_SEED).permutation(np.repeat(authors, _BACKLOG // len(authors))).tolist()
        rates: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, posts, together in (
                ("unqueued", authors, 1),
                ("backlog", backlog, len(backlog)),
                ("10 tweets", authors, 10),
                ("100 tweets", authors, 100),
                (f"{_SMALL} followers", [small] * _REPEATS * (_LARGE // _SMALL), 1),
                (f"{_LARGE} followers", [large] * _REPEATS, 1),
            ):
                if name in ("unqueued", "backlog"):
                    pushes = await asyncio.to_thread(redis_push.pushes_per_s, config.redis_url, effort.yardstick_pushes)
                    rates.setdefault(f"before {name}", []).append(pushes)
                rates.setdefault(name, []).append(await fanout.rate(posts, together))
    finally:
        await fanout.close()
    return _rows(rates)


def _rows(rates: dict[str, list[float]]) -> list[Row]:
    def row(name: str, what: str, target: float) -> Row:
        yardstick = rates[f"before {name}"]
        figures: dict[str, object] = {"deliveries/s": rounded(rates[name]), "LPUSH/s": rounded(yardstick)}
        if name == "unqueued":
            figures |= {f"deliveries/s, {n} in the log": rounded(rates[n]) for n in ("10 tweets", "100 tweets")}
        values = [ours / theirs for ours, theirs in zip(rates[name], yardstick, strict=True)]
        return Row(
            key=f"fanout_{name}",
            what=what,
            against=redis_push.name(),
            unit="x",
            values=values,
            target=target,
            figures=figures,
        )

    small, large = rates[f"{_SMALL} followers"], rates[f"{_LARGE} followers"]
    return [
        row("unqueued", "fan-out, deliveries/s, one tweet at a time", 1.0),
        row("backlog", f"fan-out, deliveries/s, backlog of {_BACKLOG:,} tweets", 2.0),
        Row(
            key="growth_fanout",
            what=f"growth: deliveries/s of tweets to {_LARGE:,} followers",
            against=f"of tweets to {_SMALL:,}",
            unit="x",
            values=[many / few for many, few in zip(large, small, strict=True)],
            target=0.9,
            figures={f"deliveries/s to {_LARGE:,}": round(median(large)), f"to {_SMALL:,}": round(median(small))},
        ),
    ]


def _sizes(rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How many follow each author: a few have very many (Pareto), the mean is as asked and so is the largest."""
    weights = np.sort(rng.pareto(1.1, _AUTHORS) + 0.05)
    scale = 1.0
    for _ in range(100):
        sizes = np.clip(weights * scale, 1, _FOLLOWERS_MAX)
        scale *= _FOLLOWERS_MEAN / sizes.mean()
    sizes = np.clip(np.rint(weights * scale), 1, _FOLLOWERS_MAX)
    rest = _AUTHORS * _FOLLOWERS_MEAN - _FOLLOWERS_MAX
    sizes[:-1] = np.maximum(1, np.rint(sizes[:-1] * rest / sizes[:-1].sum()))
    sizes[-1] = _FOLLOWERS_MAX
    return sizes.astype(np.int64)
