"""Fan-out, from the log to Redis: one shard that owns every range, one Redis, followers of very different number.

The subject is `FanoutShard.step` as an actor runs it. Appending to the log is not part of what is timed. Every round
begins with empty timelines, and their lengths at its end must add up to what was to be delivered.
"""

import asyncio
from collections.abc import Sequence
from statistics import median

import numpy as np
import numpy.typing as npt
import uvloop

from benchmarks import redis_push
from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Curve, Row, rounded
from benchmarks.shard import ShardWorld
from benchmarks.system import Servers
from storage.ports.cache import ListKind
from storage.redis.driver.resp import encode_pushes
from storage.stores import StoreConfig

_SEED = 7
_PEOPLE = 50_000
"""Those who follow; each has a timeline."""
_AUTHORS = 200
_FOLLOWERS_MEAN = 400
_FOLLOWERS_MAX = 20_000
_BACKLOG = 2_000
_GROWING = (20, 200, 2_000, 20_000)
"""Followers of the authors by whom linear growth is judged."""
_ALONE = "the same pushes, encoded before, from a plain socket, same server"
_REDIS_PY_PUSHES = 100_000
_REPEATS_MIN, _REPEATS_MAX = 20, 200


def measure(servers: Servers, effort: Effort) -> list[Row]:
    """The rows of the fan-out."""
    return uvloop.run(_measure(servers.stores("benchmark_fanout"), effort))


async def _measure(config: StoreConfig, effort: Effort) -> list[Row]:
    sizes = _sizes(np.random.default_rng(_SEED)).tolist()
    fanout = await ShardWorld.open(config, _PEOPLE, [*sizes, *_GROWING])
    try:
        authors, growing = list(fanout.followers)[: len(sizes)], list(fanout.followers)[len(sizes) :]
        await fanout.rate([*fanout.followers, *authors], 10)  # loads the followers, and warms up
        backlog = np.random.default_rng(_SEED).permutation(np.repeat(authors, _BACKLOG // len(authors))).tolist()
        encoded = _encoded(fanout, sizes, config.partitions)
        # Subject and yardstick once more without a count, at the size that counts.
        await asyncio.to_thread(redis_push.pushes_per_s, config.redis_url, effort.yardstick_pushes)
        await fanout.rate(backlog, len(backlog))
        rates: dict[str, list[float]] = {}
        grown: dict[int, list[float]] = {size: [] for size in _GROWING}
        for _ in range(ROUNDS):
            fanout.timelines.empty()
            alone = await asyncio.to_thread(redis_push.one_by_one_per_s, config.redis_url, encoded)
            rates.setdefault("alone", []).append(alone)
            rates.setdefault("unqueued", []).append(await fanout.rate(authors, 1))
            pushes = await asyncio.to_thread(redis_push.pushes_per_s, config.redis_url, effort.yardstick_pushes)
            rates.setdefault("LPUSH", []).append(pushes)
            rates.setdefault("backlog", []).append(await fanout.rate(backlog, len(backlog)))
            for together in (10, 100):
                rates.setdefault(f"{together} tweets", []).append(await fanout.rate(authors, together))
            redis_py = await asyncio.to_thread(redis_push.redis_py_per_s, config.redis_url, _REDIS_PY_PUSHES)
            rates.setdefault("redis-py", []).append(redis_py)
            for author, size in zip(growing, _GROWING, strict=True):
                repeats = min(_REPEATS_MAX, _REPEATS_MIN * _GROWING[-1] // size)
                grown[size].append(await fanout.rate([author] * repeats, 1))
    finally:
        await fanout.close()
    return _rows(rates, grown)


def _rows(rates: dict[str, list[float]], grown: dict[int, list[float]]) -> list[Row]:
    def row(name: str, what: str, yardstick: str, against: str, target: float, *more: str) -> Row:
        figures = {"deliveries/s": rounded(rates[name]), "of the yardstick": rounded(rates[yardstick])}
        return Row(
            key=f"fanout_{name}",
            what=f"fan-out, deliveries/s, {what}",
            against=against,
            unit="x",
            values=[ours / theirs for ours, theirs in zip(rates[name], rates[yardstick], strict=True)],
            target=target,
            figures=figures | {f"deliveries/s, {each} in the log": rounded(rates[each]) for each in more},
        )

    *_, small, large = _GROWING
    return [
        row("unqueued", "one tweet at a time", "alone", _ALONE, 0.6, "10 tweets", "100 tweets"),
        row("backlog", f"backlog of {_BACKLOG:,} tweets", "LPUSH", redis_push.name(), 2.0),
        Row(
            key="fanout_redis_py",
            what=f"fan-out, backlog of {_BACKLOG:,} tweets, for information",
            against="LPUSH in pipelines of redis-py, same server",
            unit="x",
            values=[ours / theirs for ours, theirs in zip(rates["backlog"], rates["redis-py"], strict=True)],
            target=None,
            figures={"LPUSH/s of redis-py": rounded(rates["redis-py"])},
        ),
        Row(
            key="growth_fanout",
            what=f"growth: deliveries/s of tweets to {large:,} followers",
            against=f"of tweets to {small:,}",
            unit="x",
            values=[many / few for many, few in zip(grown[large], grown[small], strict=True)],
            target=0.9,
            figures={f"deliveries/s to {size:,}": round(median(found)) for size, found in grown.items()},
            curves=[
                Curve(
                    "Fan-out, a tweet at a time",
                    "followers",
                    "deliveries/s",
                    [(size, median(found)) for size, found in grown.items()],
                )
            ],
        ),
    ]


def _encoded(fanout: ShardWorld, sizes: Sequence[int], partitions: int) -> list[tuple[bytes, int]]:
    """For each tweet of one round the bytes that go to Redis, and how many replies come back."""
    rng = np.random.default_rng(_SEED)
    entry = np.array([1, 1], np.uint64)
    found = []
    for size in sizes:
        users = rng.choice(fanout.people, size, replace=False)
        pushes = encode_pushes(ListKind.HOME, users, np.tile(entry, (size, 1)), partitions)
        found.append((b"".join(pushes.wire), size))
    return found


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
