"""One fan-out shard that owns every range, on real stores, with authors and followers: as an actor runs it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from actors.consumers.fanout_shard import FanoutShard
from benchmarks import patience, seeding
from benchmarks.posting import TweetEvents
from benchmarks.timelines import Timelines
from domain.clock import SystemClock
from domain.errors import EngineError
from domain.ids import RANGES, Ids, UserId, first_id_at
from storage.stores import StoreConfig, Stores
from telemetry import metrics

_SEED = 7
_GIVE_UP_S = 60.0
_WAIT_MS = 500
"""As the actor's host."""
_CLOCK = SystemClock()


@dataclass(slots=True, kw_only=True)
class ShardWorld:
    """A shard on real stores, authors with followers, and the timelines of all who follow."""

    stores: Stores
    shard: FanoutShard
    counted: metrics.LocalBackend
    tweets: TweetEvents
    people: Ids
    """All who follow."""
    followers: dict[UserId, int]
    """How many follow each author."""
    timelines: Timelines

    @classmethod
    async def open(cls, config: StoreConfig, people: int, sizes: Sequence[int]) -> Self:
        """An author for each size, followed by so many of the people, who are chosen at random."""
        rng = np.random.default_rng(_SEED)
        stores = await patience.opened(config)
        counted = metrics.LocalBackend()
        metrics.install(counted)
        all_ = np.uint64(first_id_at(_CLOCK.now_ms() - 90 * 86_400_000)) + np.arange(people, dtype=np.uint64) * 4_096
        authors = [UserId(int(all_[-1]) + 4_096 * (number + 1)) for number in range(len(sizes))]
        for author, size in zip(authors, sizes, strict=True):
            chosen = rng.choice(all_, size, replace=False).tolist()
            await seeding.write_rows(stores.cassandra.session, seeding.followers(author, chosen))
        owners = await stores.ports.coordination.range_owners()
        for range_ in range(RANGES):
            await stores.ports.coordination.set_range_owner(range_, owners.get(range_), "benchmark")
        shard = FanoutShard("benchmark", stores.ports, _CLOCK, config.limits, config.partitions)
        return cls(
            stores=stores,
            shard=shard,
            counted=counted,
            tweets=TweetEvents(),
            people=all_,
            followers=dict(zip(authors, sizes, strict=True)),
            timelines=Timelines(config.redis_url, all_.tolist()),
        )

    async def close(self) -> None:
        """Forget the timelines, close the stores."""
        self.timelines.close()
        await self.stores.close()

    async def append(self, authors: Sequence[UserId]) -> int:
        """Have authors post, in this order; how many deliveries that makes."""
        await self.stores.ports.log.append([self.tweets.by(author) for author in authors])
        return sum(self.followers[author] for author in authors)

    async def step(self, wait_ms: int) -> None:
        """A turn as the actor's host gives it: after an error, what was begun goes on with the next."""
        try:
            await self.shard.step(wait_ms)
        except EngineError:
            await asyncio.sleep(0.05)

    async def drain(self, deliveries: float) -> float:
        """Step until so many were made; the seconds that took."""
        done = self.delivered + deliveries
        begun_s = time.perf_counter()
        while self.delivered < done or self.shard.queue:
            await self.step(_WAIT_MS)
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

    @property
    def delivered(self) -> float:
        """Deliveries made, those to nobody's timeline included."""
        return self.counted.total(metrics.DELIVERIES)
