"""Commands of users: each checks, decides on one event, and publishes it."""

import hashlib
from dataclasses import dataclass

import orjson
from msgspec.structs import replace

from domain.clock import Clock
from domain.counts import TweetCounts
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from domain.events import (
    Event,
    Followed,
    Liked,
    Retweeted,
    RetweetUndone,
    TweetDeleted,
    TweetPosted,
    Unfollowed,
    Unliked,
)
from domain.ids import EventId, IdSource, TweetId, UserId, stamp_us, time_ms
from domain.limits import Limits
from domain.names import name_fault, normalized_name
from domain.relations import FOLLOW, LIKE, RETWEET, RelationState
from domain.texts import parsed
from domain.tweets import LOCATION_CHARS_MAX, Tweet
from serve.publisher import Publisher
from serve.reading.readers import Readers
from storage import keys, values
from storage.cache_codec import tweet_value
from storage.ports.idempotency import Claim, IdempotencyStore
from storage.ports.relations import RelationStore
from storage.ports.tweets import TweetStore
from storage.rows import MINUTE_MS
from storage.values import Counted
from telemetry.logs import request_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A tweet as its author sent it."""

    text: str
    reply_to: TweetId | None = None
    quote_of: TweetId | None = None
    location: str | None = None

    def hash(self) -> bytes:
        """What tells whether two requests under one idempotency key are the same."""
        return hashlib.sha256(orjson.dumps([self.text, self.reply_to, self.quote_of, self.location])).digest()


class Commands:
    """The commands. Every one may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(
        self,
        publisher: Publisher,
        tweets: TweetStore,
        relations: RelationStore,
        idempotency: IdempotencyStore,
        readers: Readers,
        ids: IdSource,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._publisher = publisher
        self._tweets = tweets
        self._relations = relations
        self._idempotency = idempotency
        self._readers = readers
        self._ids = ids
        self._clock = clock
        self._limits = limits

    async def post(self, author: UserId, draft: Draft, key: str | None = None) -> TweetId:
        """Publish a tweet, reply or quote; under a key that was used before, the id of what it made then.

        Raises `Invalid` (text, location, reply or quote of nothing) and `Conflict` (the key with another draft).
        """
        text = parsed(draft.text)
        location = _checked_location(draft.location)
        try:
            await self._readers.people.check(author)
            reply_to = await self._original_of("reply_to_id", draft.reply_to)
            quote_of = await self._original_of("quote_of_id", draft.quote_of)
        except Refused:  # it spends no key; but what a key made before stands, whatever has become of the reference
            claimed = None if key is None else await self._idempotency.claimed(author, key)
            if claimed is not None and (made := await self._made(author, claimed, draft)):
                return made
            raise
        id_, first = self._ids.next(), True
        if key is not None:
            mine = Claim(draft.hash(), id_)
            claim = await self._idempotency.claim(author, key, mine)
            id_, first = claim.id, claim == mine
            if not first and (made := await self._made(author, claim, draft)):
                return made
        tweet = Tweet(
            id=TweetId(id_),
            author=author,
            text=text.text,
            reply_to=None if reply_to is None else reply_to.id,
            quote_of=None if quote_of is None else quote_of.id,
            location=location,
            hashtags=text.hashtags,
            mentions=text.mentions,
        )
        # Only the first try knows that nobody can have taken the tweet away.
        reply_author = reply_to.author if reply_to else None
        known = _known_of(tweet, reply_author, quote_of.author if quote_of else None) if first else {}
        event = _posted(tweet, reply_author)
        await self._publisher.publish(event, known, ttl_s=self._limits.cache_ttl_s)
        return tweet.id

    async def _made(self, author: UserId, claim: Claim, draft: Draft) -> TweetId | None:
        """What was made under a claimed key, None if nothing was yet. Raises `Conflict` (claimed by another draft).

        What the first try may have died before is done again; after a while the reconciler has done it.
        """
        if claim.body_hash != draft.hash():
            raise Conflict("This idempotency key was used with another body.", "idempotency_key_reused")
        id_ = TweetId(claim.id)
        tweet = (await self._tweets.tweets([(author, id_)])).get(id_)
        if tweet is None:
            return None
        if self._clock.now_ms() - time_ms(id_) < self._limits.reconcile_trail_minutes * MINUTE_MS:
            above = () if tweet.reply_to is None else (tweet.reply_to,)
            (reply_to_author,) = (await self._tweets.authors(above)).values() or (None,)
            await self._publisher.publish(_posted(tweet, reply_to_author))
        return id_

    async def delete(self, user: UserId, tweet_id: TweetId) -> None:
        """Take a tweet away. Raises `NotFound` and `Forbidden`."""
        event_id, now_us = self._ids.next(), self._clock.now_ms() * 1000
        event = TweetDeleted(
            event_id=EventId(event_id),
            stamp_us=max(now_us, stamp_us(tweet_id) + 1),
            request_id=request_id.get(),
            author=user,
            tweet_id=tweet_id,
        )
        try:
            tweet = await self._tweet(tweet_id)
        except NotFound:
            parents = await self._tweets.parents_of_deleted((tweet_id,))
            await self._publisher.forget(replace(event, reply_to=parents.get(tweet_id)))
            raise
        if tweet.author != user:
            raise Forbidden("Only its author may delete a tweet.", "not_your_tweet")
        if tweet.retweet_of is not None:
            await self.undo_retweet(user, tweet.retweet_of)
            return
        event = replace(event, hashtags=tweet.hashtags, reply_to=tweet.reply_to, quote_of=tweet.quote_of)
        await self._publisher.publish(event)

    async def follow(self, user: UserId, target: UserId) -> None:
        """Follow somebody; nothing happens if that is so already. Raises `Invalid` and `NotFound`."""
        await self._check_target(user, target)
        before = await self._relations.state(FOLLOW, user, target)
        if not before.active and len(await self._readers.relations.followees(user)) >= self._limits.following_max:
            raise Forbidden(f"Nobody may follow more than {self._limits.following_max} accounts.", "following_too_many")
        await self._switch(before, True, Followed, user=user, followee=target)

    async def unfollow(self, user: UserId, target: UserId) -> None:
        """Follow somebody no longer. Raises `Invalid` and `NotFound`."""
        await self._check_target(user, target)
        before = await self._relations.state(FOLLOW, user, target)
        await self._switch(before, False, Unfollowed, user=user, followee=target, since=before.event_id)

    async def like(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Like a tweet; through a retweet its original, whose id is returned. Raises `NotFound`."""
        tweet = await self._original(tweet_id)
        before = await self._relations.state(LIKE, user, tweet.id)
        await self._switch(before, True, Liked, user=user, tweet_id=tweet.id)
        return tweet.id

    async def unlike(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Take a like back. Raises `NotFound`."""
        tweet = await self._original(tweet_id)
        before = await self._relations.state(LIKE, user, tweet.id)
        await self._switch(before, False, Unliked, user=user, tweet_id=tweet.id, since=before.event_id)
        return tweet.id

    async def retweet(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Retweet a tweet; through a retweet its original, whose id is returned. Raises `NotFound`."""
        tweet = await self._original(tweet_id)
        before = await self._relations.state(RETWEET, user, tweet.id)
        await self._switch(before, True, Retweeted, user=user, tweet_id=tweet.id, author=tweet.author)
        return tweet.id

    async def undo_retweet(self, user: UserId, tweet_id: TweetId) -> TweetId:
        """Take a retweet back, also of a tweet that was deleted since. Raises `NotFound`."""
        before = await self._relations.state(RETWEET, user, tweet_id)
        if not before.active:
            tweet_id = (await self._original(tweet_id)).id
            before = await self._relations.state(RETWEET, user, tweet_id)
        await self._switch(before, False, RetweetUndone, user=user, tweet_id=tweet_id, since=before.event_id)
        return tweet_id

    async def _switch(self, before: RelationState, on: bool, kind: type[Event], **fields: int) -> None:
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
        await self._readers.people.check(target)

    async def _original_of(self, field: str, tweet_id: TweetId | None) -> Tweet | None:
        if tweet_id is None:
            return None
        try:
            return await self._original(tweet_id)
        except NotFound:
            raise Invalid(
                "The tweet referred to does not exist.", "invalid_reference", ((field, "does not exist"),)
            ) from None

    async def _original(self, tweet_id: TweetId) -> Tweet:
        tweet = await self._tweet(tweet_id)
        return tweet if tweet.retweet_of is None else await self._tweet(tweet.retweet_of)

    async def _tweet(self, tweet_id: TweetId) -> Tweet:
        authors = await self._tweets.authors((tweet_id,))
        found = await self._tweets.tweets([(author, id_) for id_, author in authors.items()])
        if tweet_id not in found:
            raise NotFound("This tweet does not exist.", "not_found")
        return found[tweet_id]


def _known_of(tweet: Tweet, reply_author: UserId | None, quote_author: UserId | None) -> dict[str, bytes]:
    """The cached values of a new tweet, before anybody answers it or takes it away."""
    return {
        keys.tweet(tweet.id): tweet_value(tweet, reply_author, quote_author),
        keys.tweet_counts(tweet.id): values.tweet_counts(Counted.at(TweetCounts(), 0)),
    }


def _posted(tweet: Tweet, reply_to_author: UserId | None = None) -> TweetPosted:
    return TweetPosted(
        event_id=EventId(tweet.id),
        stamp_us=stamp_us(tweet.id),
        request_id=request_id.get(),
        author=tweet.author,
        text=tweet.text,
        hashtags=tweet.hashtags,
        mentions=tweet.mentions,
        reply_to=tweet.reply_to,
        quote_of=tweet.quote_of,
        location=tweet.location,
        reply_to_author=reply_to_author,
    )


def _checked_location(location: str | None) -> str | None:
    if location is None:
        return None
    location = normalized_name(location, LOCATION_CHARS_MAX)
    if why := name_fault(location, LOCATION_CHARS_MAX):
        raise Invalid(f"The location {why}.", "invalid_location", (("location", why),))
    return location
