"""Conflicts of follows, requests and blocks: resolved by events in the name of whom they are about."""

import asyncio
from collections.abc import Iterable
from typing import Any

from typing_extensions import override

from actors.consumers.log_consumer import Batch, Handler
from domain.clock import Clock
from domain.events import Event, Followed, FollowRequestEnded, Unfollowed
from domain.follow_conflicts import Between, Resolution
from domain.ids import EventId, UserId, stamp_above_us
from domain.relations import BLOCK, FOLLOW, REQUEST, relation_of
from storage.leased_ids import LeasedIds
from storage.ports import Ports
from storage.projections import invalidate
from telemetry import metrics
from telemetry.logs import logger

_AT_ONCE = 32
"""Pairs of users that are looked at side by side."""
_DECISIVE = (FOLLOW, REQUEST, BLOCK)


class Conflicts(Handler):
    """Reads again what an event may have left beside something else, and publishes what resolves it.

    Of two commands that race, the event that is handled last finds what both have committed.
    """

    def __init__(self, ports: Ports, clock: Clock, ids: LeasedIds) -> None:
        self._ports = ports
        self._clock = clock
        self._ids = ids

    @override
    async def handle(self, batch: Batch) -> None:
        await self.resolve(pair for event in batch.own for pair in _pairs(event))

    async def resolve(self, pairs: Iterable[tuple[UserId, UserId]]) -> None:
        """Resolve what there is between each of some users and another, in the name of the first."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def resolve_all(user: UserId, other: UserId) -> None:
            async with gate:
                while await self._resolve_one(user, other):
                    pass  # a follow, then the request beside it: each resolution leaves less

        await asyncio.gather(*(resolve_all(*pair) for pair in dict.fromkeys(pairs)))

    async def _resolve_one(self, user: UserId, other: UserId) -> bool:
        """Resolve the first conflict of a user with another; False if there is none."""
        relations = self._ports.relations
        follow, request, blocks = await asyncio.gather(
            relations.state(FOLLOW, user, other),
            relations.state(REQUEST, user, other),
            relations.states(BLOCK, ((user, other), (other, user))),
        )
        blocked, private = any(block.active for block in blocks), True
        if request.active and not (follow.active or blocked):
            private = await self._is_private(other)
        resolution = Between(follow, request, blocked, private).resolution
        if resolution is Resolution.NOTHING:
            return False
        metrics.SAFEGUARDS.record(safeguard="block_wins" if blocked else "request_resolved")
        id_ = await self._ids.next_leased()
        written_us = max(follow.written_us, request.written_us, *(block.written_us for block in blocks))
        stamp = stamp_above_us(id_, written_us, self._clock.now_ms())
        of_pair: dict[str, Any] = {"event_id": EventId(id_), "stamp_us": stamp, "user": user, "followee": other}
        event: Event
        if resolution is Resolution.UNFOLLOW:
            event = Unfollowed(**of_pair, since=follow.event_id)
        elif resolution is Resolution.END_REQUEST:
            event = FollowRequestEnded(**of_pair, since=request.event_id)
        else:
            event = Followed(**of_pair, request=request.event_id)
        await self._publish(event)
        return True

    async def _publish(self, event: Event) -> None:
        """Commit an event and tell Redis; what is left undone in between the reconciler makes up for."""
        await self._ports.events.commit(event)
        logger().info("resolved a conflict", kind=type(event).__name__, event_id=event.event_id, user=event.actor)
        await invalidate(self._ports.cache, (event,))
        await self._ports.log.append([event])

    async def _is_private(self, user: UserId) -> bool:
        found = (await self._ports.users.users((user,))).get(user)
        return found is None or found.private


def _pairs(event: Event) -> list[tuple[UserId, UserId]]:
    """The users between whom an event may have left something beside another."""
    relation = relation_of(event)
    if relation not in _DECISIVE or not isinstance(event, relation.on):
        return []
    user, other = event.actor, UserId(relation.target_of(event))
    return [(user, other), (other, user)] if relation is BLOCK else [(user, other)]
