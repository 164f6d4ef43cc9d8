"""The supervisor: how many shards there are and where, which owns which range of followers, and what if one dies."""

import asyncio
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from actors.hosting import Health
from domain.clock import Clock
from domain.errors import StoreUnavailable
from domain.ids import RANGES
from storage.desired_state import SHARDS, SHARDS_UP, desired, shard_names
from storage.ports.coordination import CoordinationStore
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


class Shards(Protocol):
    """The actors of the fan-out shards. All of it may raise `StoreUnavailable`, and can be done again."""

    async def there(self) -> Collection[str]:
        """The names of those that exist, whether they are well or not."""
        ...

    async def nodes(self) -> Mapping[str, bool]:
        """The nodes that actors may run on, and whether there is room for one more now; none that is about to leave."""
        ...

    def watched(self, name: str) -> Watched:
        """One of them, there or not."""
        ...

    async def make(self, name: str, node: str | None) -> None:
        """Make one, unless it is there; on that node if it can be."""
        ...

    async def end(self, name: str) -> None:
        """End one for good, in order if it can; bounded."""
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
    node: str | None = None
    """Where it last said that it runs."""


_Thing = TypeVar("_Thing", bound=Hashable)


def balanced(things: Collection[_Thing], at: Mapping[_Thing, str], places: Sequence[str]) -> dict[_Thing, str]:
    """Everything to one of the places, evenly, moving as few as that takes: ranges to shards, shards to nodes."""
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


class Supervisor:
    """Watches actors, restarts the stuck, and gives the ranges of shards that are dead or leave to the others.

    Every step looks anew at how many shards are wanted, which are there, on which nodes, and who owns what, and does
    what is next: it makes those that lack, moves ranges, ends those that own nothing and are not wanted. So another
    supervisor can go on after any of it. A range changes hands by a compare-and-set that raises its epoch. The shards
    see it within a second; the old owner also finds itself fenced at its next save, and what it pushed until then
    shows no difference.

    One shard at a time goes to another node, if that spreads them better: it gives its ranges to the others, is ended,
    and made where it belongs, as if it had lacked.
    """

    def __init__(
        self,
        shards: Shards,
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
        self._watched = dict(others)
        self._coordination = coordination
        self._clock = clock
        self._stuck_after_ms = stuck_after_ms
        self._dead_after_ms = dead_after_ms
        self._come_up_ms = come_up_ms
        self._watches = {name: _Watch() for name in self._watched}
        self._wanted: tuple[str, ...] = ()
        self._unmet = ["the supervisor has not looked yet"]
        self._blind = False
        """Whether nobody could say who is there, when last asked."""

    async def step(self) -> None:
        """Look at everybody once, and act on it."""
        self._want(shard_names(await desired(self._coordination, SHARDS)))
        await self._tell_who_is_up()
        there, nodes = await self._look()
        await asyncio.gather(*(self._make(name, nodes) for name in self._wanted if name not in there))
        healths = await asyncio.gather(*(watched.health() for watched in self._watched.values()))
        for name, health in zip(tuple(self._watched), healths, strict=True):
            await self._judge(name, health)
        moving = self._moving(nodes)
        owners = await self._assign(moving)
        leaving = sorted(name for name in there if name not in self._wanted)
        idle = [name for name in (*leaving, *moving) if name not in owners.values()]
        await asyncio.gather(*(self._end(name) for name in idle))
        self._unmet = [
            *self._not_yet(owners),
            *(f"{name} has not ended" for name in leaving),
            *(f"{name} goes to another node" for name in moving),
            *(("who is there is not known",) if self._blind else ()),
        ]

    def unhealthy(self) -> list[str]:
        """The actors that were not well when last asked; a shard that leaves is none of them."""
        return [name for name, watch in self._watches.items() if watch.failing_since_ms is not None]

    def unmet(self, shards: int) -> list[str]:
        """What is not yet so; empty when so many shards own everything in health, and there is no other."""
        if self._wanted != shard_names(shards):
            return [f"the supervisor knows of {len(self._wanted)} shards"]
        return self._unmet

    def _want(self, names: tuple[str, ...]) -> None:
        """Watch those who are wanted, and nobody else: who leaves is not revived."""
        if names == self._wanted:
            return
        if self._wanted:
            logger().info("another number of shards", before=len(self._wanted), after=len(names))
        for name in self._wanted[len(names) :]:
            del self._watched[name], self._watches[name]
        for name in names[len(self._wanted) :]:
            self._watched[name], self._watches[name] = self._shards.watched(name), _Watch()
        self._wanted, self._unmet = names, ["the supervisor is at it"]

    async def _tell_who_is_up(self) -> None:
        """Who leaves need not be alive from now on; who is new must from the look after all were as they are wanted.

        By then it has left a sign of life.
        """
        before = await desired(self._coordination, SHARDS_UP)
        up = min(before, len(self._wanted)) if self._unmet else len(self._wanted)
        if up != before:
            await self._coordination.set_checkpoint(SHARDS_UP, up)

    async def _look(self) -> tuple[Collection[str], Mapping[str, bool]]:
        """Who is there, and the nodes. While nobody can say, all are taken to be there: none is made, none moves."""
        try:
            there, nodes = await asyncio.gather(self._shards.there(), self._shards.nodes())
        except StoreUnavailable as error:
            if not self._blind:
                logger().warning("who is there is not known", error=str(error))
            self._blind = True
            return self._wanted, {}
        self._blind = False
        return there, nodes

    def _places(self, nodes: Mapping[str, bool]) -> dict[str, str]:
        """The node of each shard that is to have another one, or has none yet, and can have it now."""
        at = {name: node for name in self._wanted if (node := self._watches[name].node) is not None}
        best = balanced(self._wanted, at, sorted(nodes))
        return {name: node for name, node in best.items() if node != at.get(name) and nodes.get(node)}

    def _moving(self, nodes: Mapping[str, bool]) -> tuple[str, ...]:
        """A shard that is to run elsewhere, while all are well; the only one stays, as nobody could do its part."""
        watches = {name: self._watches[name] for name in self._wanted}
        if len(watches) < 2 or any(watch.failing_since_ms is not None for watch in watches.values()):
            return ()
        return tuple(name for name in self._places(nodes) if watches[name].node is not None)[:1]

    async def _make(self, name: str, nodes: Mapping[str, bool]) -> None:
        self._watches[name].node = None
        try:
            await self._shards.make(name, self._places(nodes).get(name))
        except StoreUnavailable as error:
            logger().warning("a shard could not be made", actor=name, error=str(error))

    async def _end(self, name: str) -> None:
        logger().info("a shard leaves", actor=name)
        try:
            await self._shards.end(name)
        except StoreUnavailable as error:
            logger().warning("a shard could not be ended", actor=name, error=str(error))

    async def _judge(self, name: str, health: Health | None) -> None:
        watch, now_ms = self._watches[name], self._clock.monotonic_ms()
        if health is not None:
            watch.node = health.node
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

    def _takes(self, name: str, *, owns: bool) -> bool:
        """Whether a shard can have ranges. One that has some keeps them for a while; another one must be well first."""
        since_ms = self._watches[name].failing_since_ms
        return since_ms is None or (owns and self._clock.monotonic_ms() - since_ms < self._dead_after_ms)

    async def _assign(self, moving: Collection[str]) -> dict[int, str]:
        """Move ranges if need be; the owners that are known of then."""
        before = await self._coordination.range_owners()
        owners = {range_: owner.owner for range_, owner in before.items()}
        at_first = len(owners) < RANGES  # nobody has what is free, so there is nothing to wait for
        holders = set(owners.values())
        staying = (name for name in self._wanted if name not in moving)
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
        """What is not as it is wanted: who is not up, and who is and lacks ranges."""
        ill = [name for name in self._wanted if self._watches[name].failing_since_ms is not None]
        move = balanced(range(RANGES), owners, self._wanted)
        away = Counter(shard for range_, shard in move.items() if owners.get(range_) != shard and shard not in ill)
        return [
            *(f"{name} is not up" for name in ill),
            *(f"{name} lacks {count} ranges" for name, count in sorted(away.items())),
        ]
