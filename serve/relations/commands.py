"""Commands on relations: each checks, decides on one event, and publishes it."""

from domain.clock import Clock
from domain.errors import Forbidden, Invalid
from domain.events import Event, Followed, Liked, Retweeted, RetweetUndone, Unfollowed, Unliked
from domain.graph import Toggle
from domain.ids import EventId, IdSource, TweetId, UserId, stamp_us
from domain.limits import Limits
from serve.hydration import Hydrator
from serve.relations.targets import Targets
from serve.writing.publisher import Publisher
from storage.ports import Ports
from storage.ports.relations import Engagement
from storage.rows import MINUTE_MS
from telemetry.logs import request_id


class RelationCommands:
    """Commands on relations. Every one may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(
        self,
        ports: Ports,
        publisher: Publisher,
        targets: Targets,
        hydrator: Hydrator,
        ids: IdSource,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._graph = ports.graph
        self._engagements = ports.engagements
        self._publisher = publisher
        self._targets = targets
        self._hydrator = hydrator
        self._ids = ids
        self._clock = clock
        self._limits = limits

    async def follow(self, user: UserId, target: UserId) -> None:
        """Follow somebody; nothing happens if that is so already. Raises `Invalid` and `NotFound`."""
        await self._check_target(user, target)
        before = await self._graph.follow(user, target)
        if not before.active and len(await self._hydrator.followees(user)) >= self._limits.following_max:
            raise Forbidden(f"Nobody may follow more than {self._limits.following_max} accounts.", "following_too_many")
        await self._switch(before, True, Followed, user=user, followee=target)

    async def unfollow(self, user: UserId, target: UserId) -> None:
        """Follow somebody no longer. Raises `Invalid` and `NotFound`."""
        await self._check_target(user, target)
        before = await self._graph.follow(user, target)
        await self._switch(before, False, Unfollowed, user=user, followee=target, since=before.since)

    async def like(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Like a tweet; through a retweet its original, whose id is returned. Raises `NotFound`."""
        tweet = await self._targets.original(tweet_id)
        before = await self._engagements.engagement(Engagement.LIKE, user, tweet.id)
        await self._switch(before, True, Liked, user=user, tweet_id=tweet.id)
        return tweet.id

    async def unlike(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Take a like back. Raises `NotFound`."""
        tweet = await self._targets.original(tweet_id)
        before = await self._engagements.engagement(Engagement.LIKE, user, tweet.id)
        await self._switch(before, False, Unliked, user=user, tweet_id=tweet.id, since=before.since)
        return tweet.id

    async def retweet(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Retweet a tweet; through a retweet its original, whose id is returned. Raises `NotFound`."""
        tweet = await self._targets.original(tweet_id)
        before = await self._engagements.engagement(Engagement.RETWEET, user, tweet.id)
        await self._switch(before, True, Retweeted, user=user, tweet_id=tweet.id, author=tweet.author)
        return tweet.id

    async def undo_retweet(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Take a retweet back, also of a tweet that was deleted since. Raises `NotFound`."""
        before = await self._engagements.engagement(Engagement.RETWEET, user, tweet_id)
        if not before.active:
            tweet_id = (await self._targets.original(tweet_id)).id
            before = await self._engagements.engagement(Engagement.RETWEET, user, tweet_id)
        await self._switch(before, False, RetweetUndone, user=user, tweet_id=tweet_id, since=before.since)
        return tweet_id

    async def _switch(self, before: Toggle, on: bool, kind: type[Event], **fields: int) -> None:
        id_ = self._ids.next()
        stamp = max(stamp_us(id_), before.written_us + 1, self._clock.now_ms() * 1000)
        event = kind(event_id=EventId(id_), stamp_us=stamp, request_id=request_id.get(), **fields)
        if before.active is not on:
            await self._publisher.publish(event)
        elif stamp - before.written_us < self._limits.reconcile_trail_minutes * MINUTE_MS * 1000:
            await self._publisher.forget(event)

    async def _check_target(self, user: UserId, target: UserId) -> None:
        if user == target:
            raise Invalid("You cannot follow yourself.", "self_follow", (("id", "is your own"),))
        await self._targets.user(target)
