"""The supervisor: which shard owns which range of followers, and what happens when a shard dies."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.clock import Clock
from domain.ids import RANGES
from storage.ports import CoordinationStore
from telemetry.logs import logger


class Watched(Protocol):
    """An actor as the supervisor sees it."""

    async def healthy(self) -> bool:
        """Whether it answers in time and its loop goes round."""
        ...

    async def restart(self) -> None:
        """End its process, however stuck; it is started again."""
        ...


@dataclass(slots=True)
class _Health:
    """Since when an actor has failed to answer (monotonic ms), and when it was last restarted."""

    failing_since_ms: int | None = None
    restarted_ms: int | None = None


def balanced(owners: Mapping[int, str], shards: Sequence[str]) -> dict[int, str]:
    """Every range to one of the shards, evenly, moving as few ranges as that takes."""
    if not shards:
        return dict(owners)
    share, extra = divmod(RANGES, len(shards))
    owned = {shard: [r for r in range(RANGES) if owners.get(r) == shard] for shard in shards}
    largest_first = sorted(shards, key=lambda shard: -len(owned[shard]))
    quota = {shard: share + (at < extra) for at, shard in enumerate(largest_first)}
    kept = {range_: shard for shard in shards for range_ in owned[shard][: quota[shard]]}
    free = iter(range_ for range_ in range(RANGES) if range_ not in kept)
    for shard in shards:
        for _ in range(quota[shard] - len(owned[shard])):
            kept[next(free)] = shard
    return kept


class Supervisor:
    """Watches actors, restarts the stuck, and gives the ranges of dead shards to living ones.

    A range changes hands by a compare-and-set that raises its epoch. The shards see it within a second; the old owner
    also finds itself fenced at its next save, and what it pushed until then shows no difference.
    """

    def __init__(
        self,
        shards: Mapping[str, Watched],
        others: Mapping[str, Watched],
        coordination: CoordinationStore,
        clock: Clock,
        *,
        stuck_after_ms: int = 5_000,
        dead_after_ms: int = 15_000,
    ) -> None:
        assert stuck_after_ms < dead_after_ms
        self._shards = shards
        self._watched = {**shards, **others}
        self._coordination = coordination
        self._clock = clock
        self._stuck_after_ms = stuck_after_ms
        self._dead_after_ms = dead_after_ms
        self._health = {name: _Health() for name in self._watched}

    async def step(self) -> None:
        """Look at everybody once, and act on it."""
        for name in self._watched:
            await self._look_at(name)
        alive = [name for name in self._shards if not self._dead(name)]
        await self._assign(alive)

    def unhealthy(self) -> list[str]:
        """The actors that failed to answer when last asked."""
        return [name for name, health in self._health.items() if health.failing_since_ms is not None]

    async def _look_at(self, name: str) -> None:
        health, now_ms = self._health[name], self._clock.monotonic_ms()
        if await self._watched[name].healthy():
            health.failing_since_ms = None
            return
        if health.failing_since_ms is None:
            health.failing_since_ms = now_ms
        last_ms = max(health.failing_since_ms, health.restarted_ms or 0)
        if now_ms - last_ms >= self._stuck_after_ms:
            logger().warning("restarting a stuck actor", actor=name, failing_ms=now_ms - health.failing_since_ms)
            await self._watched[name].restart()
            health.restarted_ms = now_ms

    def _dead(self, name: str) -> bool:
        since_ms = self._health[name].failing_since_ms
        return since_ms is not None and self._clock.monotonic_ms() - since_ms >= self._dead_after_ms

    async def _assign(self, alive: Sequence[str]) -> None:
        owners = await self._coordination.range_owners()
        wanted = balanced({range_: owner.owner for range_, owner in owners.items()}, alive)
        moves = [
            (range_, owners.get(range_), shard)
            for range_, shard in wanted.items()
            if range_ not in owners or owners[range_].owner != shard
        ]
        moved = await asyncio.gather(*(self._coordination.set_range_owner(*move) for move in moves))
        for (range_, before, shard), done in zip(moves, moved, strict=True):
            if done:
                logger().info("range moved", range=range_, before=before and before.owner, after=shard)
