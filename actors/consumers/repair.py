"""Repair: removes the rows of superseded events."""

import asyncio
from collections.abc import Sequence

from typing_extensions import override

from actors.consumers.log_consumer import Handler
from domain.events import AnyEvent, Followed, Liked, Retweeted, RetweetUndone, Unfollowed, Unliked
from domain.graph import Toggle
from storage import keys
from storage.ports import Ports
from storage.ports.relations import Engagement
from telemetry import metrics

_AT_ONCE = 32
"""Relations that are read side by side."""


class Repair(Handler):
    """Reads the relation of each event again: of several commands that raced for it, all but one left rows behind."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    @override
    async def handle(self, events: Sequence[AnyEvent]) -> None:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def repair(event: AnyEvent) -> None:
            async with gate:
                await self._repair(event)

        await asyncio.gather(*map(repair, events))

    async def _repair(self, event: AnyEvent) -> None:
        state = await self._state(event)
        if state is None or not state.lost:
            return
        metrics.EDGES.record(edge="superseded")
        await self._ports.events.take_back(event, state)
        if isinstance(event, Retweeted | RetweetUndone):
            await self._ports.cache.drop([keys.tweet(retweet) for retweet in state.lost])

    async def _state(self, event: AnyEvent) -> Toggle | None:
        match event:
            case Liked(user=user, tweet_id=tweet) | Unliked(user=user, tweet_id=tweet):
                return await self._ports.engagements.engagement(Engagement.LIKE, user, tweet)
            case Retweeted(user=user, tweet_id=tweet) | RetweetUndone(user=user, tweet_id=tweet):
                return await self._ports.engagements.engagement(Engagement.RETWEET, user, tweet)
            case Followed(user=user, followee=followee) | Unfollowed(user=user, followee=followee):
                return await self._ports.graph.follow(user, followee)
            case _:
                return None
