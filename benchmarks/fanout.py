"""Fan-out, from the log to Redis: one shard that owns every range, one Redis, followers of very different number.

The subject is `FanoutShard.step` as an actor runs it. Appending to the log is not part of what is timed. Every round
begins with empty timelines, and their lengths at its end must add up to what was to be delivered.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
import uvloop

from actors.fanout_shard import FanoutShard
from benchmarks import patience, redis_push, seeding
from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Row, rounded
from benchmarks.system import Servers
from benchmarks.timelines import Timelines
from domain.clock import SystemClock
from domain.errors import EngineError
from domain.events import TweetPosted
from domain.ids import RANGES, EventId, IdGenerator, UserId, first_id_at, stamp_us
from storage.opening import StoreConfig, Stores
from telemetry import metrics

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
_GIVE_UP_S = 60.0
_TEXT = "The tide comes in at seven, and the boats go out with it."
_CLOCK = SystemClock()


def measure(servers: Servers, effort: Effort) -> list[Row]:
    """The rows of the fan-out."""
    return uvloop.run(_measure(servers.stores("benchmark_fanout"), effort))


@dataclass(slots=True, kw_only=True)
class _Fanout:
    """A shard on real stores, authors with followers, and the timelines of all who follow."""

    stores: Stores
    shard: FanoutShard
    counted: metrics.LocalBackend
    ids: IdGenerator
    followers: dict[UserId, int]
    """How many follow each author; the last two are those by whom linear growth is judged."""
    timelines: Timelines

    async def append(self, authors: Sequence[UserId]) -> int:
        """Have authors post, in this order; how many deliveries that makes."""
        events = [_tweet(self.ids.next(), author) for author in authors]
        await self.stores.hot.log.append(events)
        return sum(self.followers[author] for author in authors)

    async def drain(self, deliveries: int) -> float:
        """Step until so many were made; the seconds that took."""
        done = self.counted.total(metrics.DELIVERIES.spec) + deliveries
        begun_s = time.perf_counter()
        while self.counted.total(metrics.DELIVERIES.spec) < done or self.shard.queue:
            try:
                await self.shard.step(0)
            except EngineError:  # as the actor's host does: what was begun goes on with the next step
                await asyncio.sleep(0.05)
            assert time.perf_counter() - begun_s < _GIVE_UP_S, "the shard does not get on"
        return time.perf_counter() - begun_s

    async def rate(self, posts: Sequence[UserId], together: int) -> float:
        """Deliveries a second when so many tweets are in the log at a time."""
        self.timelines.empty()
        seconds, deliveries = 0.0, 0
        for at in range(0, len(posts), together):
            appended = await self.append(posts[at : at + together])
            seconds += await self.drain(appended)
            deliveries += appended
        found = sum(self.timelines.entries())
        assert found == deliveries, f"{found} entries in the timelines, not {deliveries}"
        return deliveries / seconds


async def _measure(config: StoreConfig, effort: Effort) -> list[Row]:
    fanout = await _open(config)
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
        fanout.timelines.close()
        await fanout.stores.close()
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


async def _open(config: StoreConfig) -> _Fanout:
    rng = np.random.default_rng(_SEED)
    stores = await patience.opened(config)
    counted = metrics.LocalBackend()
    metrics.install(counted)
    people = np.uint64(first_id_at(_CLOCK.now_ms() - 90 * 86_400_000)) + np.arange(_PEOPLE, dtype=np.uint64) * 4_096
    sizes = [*_sizes(rng).tolist(), _SMALL, _LARGE]
    authors = [UserId(int(people[-1]) + 4_096 * (number + 1)) for number in range(len(sizes))]
    for author, size in zip(authors, sizes, strict=True):
        chosen = rng.choice(people, size, replace=False).tolist()
        await seeding.write_rows(stores.truth.session, seeding.followers(author, chosen))
    owners = await stores.truth.coordination.range_owners()
    for range_ in range(RANGES):
        await stores.truth.coordination.set_range_owner(range_, owners.get(range_), "benchmark")
    shard = FanoutShard(
        "benchmark",
        log=stores.hot.log,
        events=stores.truth.events,
        graph=stores.truth.graph,
        cache=stores.hot.cache,
        positions=stores.hot.positions,
        coordination=stores.truth.coordination,
        letters=stores.truth.dead_letters,
        clock=_CLOCK,
        limits=config.limits,
        partitions=config.partitions,
    )
    end_ms = 1 << 62
    return _Fanout(
        stores=stores,
        shard=shard,
        counted=counted,
        ids=IdGenerator(0, _CLOCK, after_ms=0, until_ms=end_ms, lease_ends_ms=end_ms),
        followers=dict(zip(authors, sizes, strict=True)),
        timelines=Timelines(config.redis_url, people.tolist()),
    )


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


def _tweet(id_: int, author: UserId) -> TweetPosted:
    return TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=author, text=_TEXT)
