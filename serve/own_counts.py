"""Counts as their reader must see them: with what they did themselves, though it is not counted yet (decision 0031)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TypeVar

from domain.graph import TweetCounts, UserCounts
from domain.ids import TweetId, UserId
from domain.limits import Limits
from serve.doubts import Doubts
from storage import keys
from storage.own_acts import OwnCount, acts_from
from storage.ports import EngagementStore, GraphStore
from storage.values import Counted
from telemetry import metrics

C = TypeVar("C", TweetCounts, UserCounts)


class OwnCounts:
    """Corrects cached counts for one reader.

    A count whose reading began before the reader's own act was noted may lack it, and is not believed: its set is read
    anew, for this reader alone, as the counters will write what is right for all. A set too large for that gets the
    change added; should the cached reading have overlapped the act, it is off by one until the counters come by.
    """

    doubts = None
    """A failure to look notes up raises none: counts are then read from the store as well."""

    def __init__(self, engagements: EngagementStore, graph: GraphStore, doubts: Doubts, limits: Limits) -> None:
        self._engagements = engagements
        self._graph = graph
        self._suspect = doubts
        self._limits = limits

    def key(self, user: int) -> str:
        """Where the acts of a user are noted."""
        return keys.own_acts(user)

    async def of_tweets(
        self, viewer: UserId | None, noted: bytes | None, found: Mapping[int, Counted[TweetCounts]]
    ) -> dict[int, TweetCounts]:
        """The counts of tweets as a viewer must see them; `noted` is what their key held."""
        return await self._corrected(viewer, noted, found, self._count_tweet)

    async def of_users(
        self, viewer: UserId | None, noted: bytes | None, found: Mapping[int, Counted[UserCounts]]
    ) -> dict[int, UserCounts]:
        """The same of users."""
        return await self._corrected(viewer, noted, found, self._count_user)

    async def _corrected(
        self,
        viewer: UserId | None,
        noted: bytes | None,
        found: Mapping[int, Counted[C]],
        count: Callable[[int, Collection[str], C], Awaitable[C]],
    ) -> dict[int, C]:
        counts = {id_: counted.counts for id_, counted in found.items()}
        if viewer is None or not (noted or self._suspect.hold):
            return counts
        acts = acts_from(noted or b"")
        recounted: dict[int, list[str]] = {}
        for id_, counted in found.items():
            changes: dict[str, int] = {}
            for name, change, noted_us in acts.get(id_, ()):
                if noted_us >= counted.began_us(name):
                    changes[name] = changes.get(name, 0) + change
            if self._suspect.hold:
                names = (n for n in counted.counts._fields if self._suspect.about(OwnCount(viewer, id_, n)))
                changes = dict.fromkeys(names, 0) | changes
            for name, change in changes.items():
                size: int = getattr(counted.counts, name)
                if size <= self._limits.own_recount_max:
                    recounted.setdefault(id_, []).append(name)
                else:
                    counts[id_] = counts[id_]._replace(**{name: size + change})
        if recounted:
            metrics.EDGES.record(sum(map(len, recounted.values())), edge="own_count")
            anew = await asyncio.gather(*(count(id_, names, counts[id_]) for id_, names in recounted.items()))
            counts.update(zip(recounted, anew, strict=True))
        return counts

    async def _count_tweet(self, id_: int, names: Collection[str], others: TweetCounts) -> TweetCounts:
        return await self._engagements.tweet_counts(TweetId(id_), names, others)

    async def _count_user(self, id_: int, names: Collection[str], others: UserCounts) -> UserCounts:
        return await self._graph.user_counts(UserId(id_), names, others)
