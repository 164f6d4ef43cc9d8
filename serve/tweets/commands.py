"""Commands on tweets: each checks, decides on one event, and publishes it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import orjson
from msgspec.structs import replace as with_fields

from domain.clock import Clock
from domain.counts import TweetCounts
from domain.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from domain.events import TweetDeleted, TweetPosted
from domain.ids import EventId, IdSource, TweetId, UserId, stamp_us, time_ms
from domain.limits import Limits
from domain.mentions import MENTION_IDS_MAX
from domain.names import name_fault, normalized_name
from domain.relations import RETWEET, Relation
from domain.texts import parsed
from domain.tweets import LOCATION_CHARS_MAX, Tweet, Visibility
from domain.users import PRIVATE
from serve.writing.publisher import Publisher
from serve.writing.targets import Hidden, Targets
from storage import keys, values
from storage.cache_codec import Person, tweet_value
from storage.ports import Ports
from storage.ports.idempotency import Claim
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
    visibility: Visibility | None = None
    """None for that of what it replies to, or else everybody's."""

    def hash(self) -> bytes:
        """Digest by which two requests under one idempotency key are told apart."""
        asked = () if self.visibility is None else (self.visibility,)
        return hashlib.sha256(orjson.dumps([self.text, self.reply_to, self.quote_of, self.location, *asked])).digest()


class Posted(NamedTuple):
    """A tweet that was asked for; if nobody else can have had a hand in it yet, its record and author too."""

    id: TweetId
    record: bytes | None = None
    author: Person | None = None


class TweetCommands:
    """Commands on tweets. Every one may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(
        self,
        ports: Ports,
        publisher: Publisher,
        targets: Targets,
        turn_off: Callable[[Relation, UserId, int], Awaitable[int]],
        ids: IdSource,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._tweets = ports.tweets
        self._users = ports.users
        self._idempotency = ports.idempotency
        self._publisher = publisher
        self._targets = targets
        self._turn_off = turn_off
        """As `RelationCommands.turn_off`: what the deletion of a retweet is."""
        self._ids = ids
        self._clock = clock
        self._limits = limits

    async def post(self, author: UserId, draft: Draft, key: str | None = None) -> Posted:
        """Publish a tweet, reply or quote; under a key that was used before, what it made then.

        Raises `Invalid` (text, location, reply or quote of nothing, wider than its parent), `NotFound` (of what the
        author may not see), `Forbidden` (quote of what is not for everybody) and `Conflict` (the key with another
        draft).
        """
        text = parsed(draft.text)
        location = _checked_location(draft.location)
        try:
            await self._targets.check_user(author)
            reply_to = await self._original_of(author, "reply_to_id", draft.reply_to)
            quote_of = await self._original_of(author, "quote_of_id", draft.quote_of, for_everybody=True)
            visibility = _visibility_of(draft, reply_to)
        except Refused:  # it spends no key; but what a key made before stands, whatever has become of the reference
            claimed = None if key is None else await self._idempotency.claimed(author, key)
            if claimed is not None and (made := await self._made(author, claimed, draft)):
                return Posted(made)
            raise
        mention_ids = await self._mentioned(text.mentions)
        if visibility is Visibility.MENTIONED and reply_to is not None:
            mention_ids = tuple(dict.fromkeys((*mention_ids, reply_to.author)))
        id_, first = self._ids.next(), True
        if key is not None:
            mine = Claim(draft.hash(), id_)
            claim = await self._idempotency.claim(author, key, mine)
            id_, first = claim.id, claim == mine
            if not first and (made := await self._made(author, claim, draft)):
                return Posted(made)
        tweet = Tweet(
            id=TweetId(id_),
            author=author,
            text=text.text,
            reply_to=None if reply_to is None else reply_to.id,
            quote_of=None if quote_of is None else quote_of.id,
            location=location,
            hashtags=text.hashtags,
            mentions=text.mentions,
            visibility=visibility,
            mention_ids=mention_ids,
        )
        # Only the first try knows that nobody can have taken the tweet away.
        reply_author = reply_to.author if reply_to else None
        known = _known_of(tweet, reply_author, quote_of.author if quote_of else None) if first else {}
        leasing = self._publisher.lease(known, ttl_s=self._limits.cache_ttl_s)
        leased, person = await asyncio.gather(leasing, self._targets.latest_user(author))  # in one trip
        tweet = replace(tweet, protected=person is None or bool(person.state & PRIVATE))
        is_everywhere = await self._publisher.publish(_posted(tweet, reply_author), leased)
        return Posted(tweet.id, known.get(keys.tweet(tweet.id)), person) if is_everywhere else Posted(tweet.id)

    async def _mentioned(self, names: Sequence[str]) -> tuple[UserId, ...]:
        """The users who bear some names, of the first few."""
        found = await asyncio.gather(*map(self._users.by_username, names[:MENTION_IDS_MAX]))
        return tuple(dict.fromkeys(user for user in found if user is not None))

    async def _made(self, author: UserId, claim: Claim, draft: Draft) -> TweetId | None:
        """The tweet made under a claimed key, None if none was yet. Raises `Conflict` (claimed by another draft).

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
            tweet = await self._targets.tweet(tweet_id)
        except NotFound:
            parents = await self._tweets.parents_of_deleted((tweet_id,))
            await self._publisher.invalidate(with_fields(event, reply_to=parents.get(tweet_id)))
            raise
        if tweet.author != user:
            await self._targets.original(user, tweet_id)  # of what they may not see they are not told that it is there
            raise Forbidden("Only its author may delete a tweet.", "not_your_tweet")
        if tweet.retweet_of is not None:
            await self._turn_off(RETWEET, user, tweet.retweet_of)
            return
        event = with_fields(
            event,
            hashtags=tweet.hashtags,
            reply_to=tweet.reply_to,
            quote_of=tweet.quote_of,
            visibility=tweet.visibility,
            protected=tweet.protected,
        )
        await self._publisher.publish(event)

    async def _original_of(
        self, user: UserId, field: str, tweet_id: TweetId | None, *, for_everybody: bool = False
    ) -> Tweet | None:
        if tweet_id is None:
            return None
        try:
            return await self._targets.original(user, tweet_id, for_everybody=for_everybody)
        except Hidden:
            raise
        except NotFound:
            raise Invalid(
                "The tweet referred to does not exist.", "invalid_reference", ((field, "does not exist"),)
            ) from None


def _visibility_of(draft: Draft, reply_to: Tweet | None) -> Visibility:
    """The readers of a tweet; a reply has no more than what it replies to. Raises `Invalid`."""
    widest = Visibility.PUBLIC if reply_to is None else reply_to.visibility
    if draft.visibility is None:
        return widest
    if draft.visibility < widest:
        why = f"is wider than that of what it replies to, {widest.label}"
        raise Invalid(f"The visibility {why}.", "invalid_visibility", (("visibility", why),))
    return draft.visibility


def _known_of(tweet: Tweet, reply_author: UserId | None, quote_author: UserId | None) -> dict[str, bytes]:
    """The cached values of a new tweet, before anybody answers it or takes it away."""
    return {
        keys.tweet(tweet.id): tweet_value(tweet, reply_author, quote_author),
        keys.tweet_counts(tweet.id): values.TWEET_COUNTS.value(Counted.at(TweetCounts(), 0)),
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
        visibility=tweet.visibility,
        mention_ids=tweet.mention_ids,
        protected=tweet.protected,
    )


def _checked_location(location: str | None) -> str | None:
    if location is None:
        return None
    location = normalized_name(location, LOCATION_CHARS_MAX)
    if why := name_fault(location, LOCATION_CHARS_MAX):
        raise Invalid(f"The location {why}.", "invalid_location", (("location", why),))
    return location
