"""The supervisor: which shard owns which range of followers, and what happens when a shard dies."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from actors.hosting import Health
from domain.clock import Clock
from domain.errors import StoreUnavailable
from domain.ids import RANGES
from storage.ports import CoordinationStore
from telemetry.logs import logger

_BEAT_AGE_MS_MAX = 10_000
"""A loop whose last turn is older than this is stuck: turns are bounded, and so is every call that they make."""


class Watched(Protocol):
    """An actor as the supervisor sees it."""

    async def health(self) -> Health | None:
        """How it says it is; None if it does not answer in time."""
        ...

    async def restart(self) -> None:
        """End its process, however stuck, so that it is started again; make it if there is none.

        Raises `StoreUnavailable` if that cannot be done now.
        """
        ...


@dataclass(slots=True)
class _Watch:
    """What is known of an actor; times are monotonic ms."""

    failing_since_ms: int | None = None
    """Since when it has not been well: it does not answer, or has no component yet."""
    silent_since_ms: int | None = None
    """Since when its loop has not gone round; a new restart begins a new wait."""
    came_up: bool = False
    """Whether its loop has gone round since it was last restarted: coming up takes longer than answering."""


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
        come_up_ms: int = 60_000,
    ) -> None:
        """A silent actor is restarted after `stuck_after_ms`, one that is coming up after `come_up_ms`."""
        assert stuck_after_ms < dead_after_ms <= come_up_ms
        self._shards = shards
        self._watched = {**shards, **others}
        self._coordination = coordination
        self._clock = clock
        self._stuck_after_ms = stuck_after_ms
        self._dead_after_ms = dead_after_ms
        self._come_up_ms = come_up_ms
        self._watches = {name: _Watch() for name in self._watched}

    async def step(self) -> None:
        """Look at everybody once, and act on it."""
        healths = await asyncio.gather(*(watched.health() for watched in self._watched.values()))
        for name, health in zip(self._watched, healths, strict=True):
            await self._judge(name, health)
        alive = [name for name in self._shards if not self._dead(name)]
        await self._assign(alive)

    def unhealthy(self) -> list[str]:
        """The actors that were not well when last asked."""
        return [name for name, watch in self._watches.items() if watch.failing_since_ms is not None]

    async def _judge(self, name: str, health: Health | None) -> None:
        watch, now_ms = self._watches[name], self._clock.monotonic_ms()
        turns = health is not None and health.beat_age_ms < _BEAT_AGE_MS_MAX
        well = turns and health is not None and health.running
        if well or watch.failing_since_ms is None:
            watch.failing_since_ms = None if well else now_ms
        if turns:
            watch.came_up, watch.silent_since_ms = True, None
            return
        if watch.silent_since_ms is None:
            watch.silent_since_ms = now_ms
        silent_ms = now_ms - watch.silent_since_ms
        if silent_ms >= (self._stuck_after_ms if watch.came_up else self._come_up_ms):
            logger().warning("restarting a stuck actor", actor=name, silent_ms=silent_ms)
            watch.came_up, watch.silent_since_ms = False, now_ms
            try:
                await self._watched[name].restart()
            except StoreUnavailable as error:
                logger().warning("an actor could not be restarted", actor=name, error=str(error))

    def _dead(self, name: str) -> bool:
        since_ms = self._watches[name].failing_since_ms
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
