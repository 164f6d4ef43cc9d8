"""The supervisor: keeps the desired numbers of shards and counters, and every range of followers with one in health."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from actors.hosting import Health
from actors.supervision.monitored_actors import HealthRecord, MonitoredActors
from domain.clock import Clock
from domain.errors import StoreUnavailable
from domain.ids import RANGES
from storage.desired_state import GROUPS, counters_names, desired, is_shard, shard_names
from storage.ports.coordination import CoordinationStore
from telemetry.logs import logger

_DEAD_AFTER_MS = 15_000
"""A shard that has not been well for so long loses its ranges: longer than a restart takes."""
_Thing = TypeVar("_Thing", bound=Hashable)


class Supervisor:
    """Monitors actors, restarts the stuck, and gives the ranges of shards that are dead or leave to the others.

    Every step looks anew at how many shards are desired, which exist, on which nodes, and who owns what, and does
    what is next: it makes those that are missing, moves ranges, ends those that own nothing and are not desired. So
    another supervisor can go on after any of it. A range changes hands by a compare-and-set that raises its epoch. The
    shards see it within a second; the old owner also finds itself fenced at its next save, and what it pushed until
    then shows no difference.

    Counters are made and ended likewise. Which parts each of them takes follows from how many are up.

    One shard at a time goes to another node, if that spreads them better: it gives its ranges to the others, is ended,
    and made where it belongs, as if it had been missing.
    """

    def __init__(
        self, actors: MonitoredActors, others: Iterable[str], coordination: CoordinationStore, clock: Clock
    ) -> None:
        """`others` are those that are monitored besides shards and counters."""
        self._actors = actors
        self._coordination = coordination
        self._clock = clock
        self._records = {name: HealthRecord() for name in others}
        self._desired: tuple[str, ...] = ()
        """The shards."""
        self._counters: tuple[str, ...] = ()
        self._unmet = ["the supervisor has not looked yet"]
        self._blind = False
        """True if Ray could not say which shards exist, when last asked."""

    async def step(self) -> None:
        """Look at every actor once, and act on it."""
        self._desire(*[group.names(await desired(self._coordination, group.desired)) for group in GROUPS])
        await self._publish_up()
        there, nodes = await self._look()
        all_ = (*self._desired, *self._counters)
        await asyncio.gather(*(self._make(name, nodes) for name in all_ if name not in there))
        healths = await asyncio.gather(*map(self._actors.health, self._records))
        for name, health in zip(tuple(self._records), healths, strict=True):
            await self._judge(name, health)
        moving = self._moving(nodes)
        owners = await self._assign(moving)
        leaving = sorted(name for name in there if name not in all_)
        idle = [name for name in (*leaving, *moving) if name not in owners.values()]
        await asyncio.gather(*(self._end(name) for name in idle))
        self._unmet = [
            *self._not_yet(owners),
            *(f"{name} has not ended" for name in leaving),
            *(f"{name} goes to another node" for name in moving),
            *(("who is there is not known",) if self._blind else ()),
        ]

    def unhealthy(self) -> list[str]:
        """The actors that were not well when last asked; one that leaves is none of them."""
        return [name for name, record in self._records.items() if record.failing_since_ms is not None]

    def unmet(self, shards: int | None, counters: int | None) -> list[str]:
        """Sentences on what is not yet so; none when exactly so many exist and do all there is to do, in health."""
        if shards is not None and self._desired != shard_names(shards):
            return [f"the supervisor knows of {len(self._desired)} shards"]
        if counters is not None and self._counters != counters_names(counters):
            return [f"the supervisor knows of {len(self._counters)} counters"]
        return self._unmet

    def _desire(self, shards: tuple[str, ...], counters: tuple[str, ...]) -> None:
        """Monitor those that are desired, and no other: one that leaves is not revived."""
        before, now = (*self._desired, *self._counters), (*shards, *counters)
        if now == before:
            return
        for what, held, new in (("shards", self._desired, shards), ("counters", self._counters, counters)):
            if held and held != new:
                logger().info(f"another number of {what}", before=len(held), after=len(new))
        for name in before:
            if name not in now:
                del self._records[name]
        for name in now:
            self._records.setdefault(name, HealthRecord())
        self._desired, self._counters, self._unmet = shards, counters, ["the supervisor is at it"]

    async def _publish_up(self) -> None:
        """Publish how many of each must be alive: a new one from the step after all were as desired on.

        By then it has left a heartbeat. One that leaves need not be alive from now on.
        """
        for group, names in zip(GROUPS, (self._desired, self._counters), strict=True):
            before = await desired(self._coordination, group.up)
            up = min(before, len(names)) if self._unmet else len(names)
            if up != before:
                await self._coordination.set_checkpoint(group.up, up)

    async def _look(self) -> tuple[Collection[str], Mapping[str, bool]]:
        """Read which of them exist, and the nodes. While Ray cannot say, all are taken to: none is made or moves."""
        try:
            there, nodes = await asyncio.gather(self._actors.existing_scaled(), self._actors.nodes())
        except StoreUnavailable as error:
            if not self._blind:
                logger().warning("who is there is not known", error=str(error))
            self._blind = True
            return (*self._desired, *self._counters), {}
        self._blind = False
        return there, nodes

    def _places(self, nodes: Mapping[str, bool]) -> dict[str, str]:
        """The node of each shard that is to have another one, or has none yet, and can have it now."""
        at = {name: node for name in self._desired if (node := self._records[name].node) is not None}
        best = balanced(self._desired, at, sorted(nodes))
        return {name: node for name, node in best.items() if node != at.get(name) and nodes.get(node)}

    def _moving(self, nodes: Mapping[str, bool]) -> tuple[str, ...]:
        """A shard that is to run elsewhere, while all are well; the only one stays, as nobody could do its part."""
        records = {name: self._records[name] for name in self._desired}
        if len(records) < 2 or any(record.failing_since_ms is not None for record in records.values()):
            return ()
        return tuple(name for name in self._places(nodes) if records[name].node is not None)[:1]

    async def _make(self, name: str, nodes: Mapping[str, bool]) -> None:
        self._records[name].node = None
        try:
            await self._actors.make(name, self._places(nodes).get(name))
        except StoreUnavailable as error:
            logger().warning("an actor could not be made", actor=name, error=str(error))

    async def _end(self, name: str) -> None:
        logger().info("a shard leaves" if is_shard(name) else "counters leave", actor=name)
        try:
            await self._actors.end(name)
        except StoreUnavailable as error:
            logger().warning("an actor could not be ended", actor=name, error=str(error))

    async def _judge(self, name: str, health: Health | None) -> None:
        record, now_ms = self._records[name], self._clock.monotonic_ms()
        record.note(health, now_ms)
        silent_ms = record.stuck_ms(now_ms)
        if silent_ms is None:
            return
        logger().warning("restarting a stuck actor", actor=name, silent_ms=silent_ms)
        record.restarted(now_ms)
        try:
            await self._actors.restart(name)
        except StoreUnavailable as error:
            logger().warning("an actor could not be restarted", actor=name, error=str(error))

    def _takes(self, name: str, *, owns: bool) -> bool:
        """True if a shard can have ranges. One that has some keeps them for a while; another one must be well first."""
        since_ms = self._records[name].failing_since_ms
        return since_ms is None or (owns and self._clock.monotonic_ms() - since_ms < _DEAD_AFTER_MS)

    async def _assign(self, moving: Collection[str]) -> dict[int, str]:
        """Move ranges if need be; returns the owners that are known of then."""
        before = await self._coordination.range_owners()
        owners = {range_: owner.owner for range_, owner in before.items()}
        at_first = len(owners) < RANGES  # nobody has what is free, so there is nothing to wait for
        holders = set(owners.values())
        staying = (name for name in self._desired if name not in moving)
        able = [name for name in staying if self._takes(name, owns=at_first or name in holders)]
        moves = [
            (range_, before.get(range_), shard)
            for range_, shard in balanced(range(RANGES), owners, able).items()
            if owners.get(range_) != shard
        ]
        moved = await asyncio.gather(*(self._coordination.set_range_owner(*move) for move in moves))
        for (range_, was, shard), done in zip(moves, moved, strict=True):
            if done:
                owners[range_] = shard
                logger().info("range moved", range=range_, before=was and was.owner, after=shard)
        return owners

    def _not_yet(self, owners: Mapping[int, str]) -> list[str]:
        """Sentences on those that are not up, and on the shards that are and lack ranges."""
        all_ = (*self._desired, *self._counters)
        ill = [name for name in all_ if self._records[name].failing_since_ms is not None]
        move = balanced(range(RANGES), owners, self._desired)
        away = Counter(shard for range_, shard in move.items() if owners.get(range_) != shard and shard not in ill)
        return [
            *(f"{name} is not up" for name in ill),
            *(f"{name} lacks {count} ranges" for name, count in sorted(away.items())),
        ]


def balanced(things: Collection[_Thing], at: Mapping[_Thing, str], places: Sequence[str]) -> dict[_Thing, str]:
    """Assign everything to one of the places: ranges to shards, shards to nodes. Without places all stay."""
    if not places:
        return dict(at)
    share, extra = divmod(len(things), len(places))
    held = {place: [thing for thing in things if at.get(thing) == place] for place in places}
    largest_first = sorted(places, key=lambda place: -len(held[place]))
    quota = {place: share + (rank < extra) for rank, place in enumerate(largest_first)}
    kept = {thing: place for place in places for thing in held[place][: quota[place]]}
    free = iter(thing for thing in things if thing not in kept)
    for place in places:
        for _ in range(quota[place] - len(held[place])):
            kept[next(free)] = place
    return kept
