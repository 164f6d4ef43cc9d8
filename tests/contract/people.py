"""What people do, written to the stores as commands would; every id and time is one that no other test has."""

import itertools

from domain.clock import SystemClock
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
from domain.ids import EventId, IdGenerator, TweetId, UserId, stamp_us
from domain.relations import Relation
from storage.ports import Ports

PARTITIONS = 4
_ids = IdGenerator(7, SystemClock(), after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)
_eras = itertools.count(1)


def new_id() -> int:
    """An id that no other test has."""
    return _ids.next()


def new_era_ms() -> int:
    """A wall time long after everything that earlier tests did."""
    return 4_000_000_000_000 + next(_eras) * 1_000_000_000


class People:
    """Writes what people do, as commands would."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def somebody(self) -> UserId:
        """A new user."""
        return UserId(new_id())

    async def post(
        self,
        author: UserId,
        text: str = "hello",
        *,
        reply_to: int | None = None,
        reply_to_author: UserId | None = None,
        hashtags: tuple[str, ...] = (),
    ) -> TweetPosted:
        id_ = new_id()
        event = TweetPosted(
            event_id=EventId(id_),
            stamp_us=stamp_us(id_),
            author=author,
            text=text,
            hashtags=hashtags,
            reply_to=None if reply_to is None else TweetId(reply_to),
            reply_to_author=reply_to_author,
        )
        await self.ports.events.commit(event)
        return event

    def deletion(self, posted: TweetPosted) -> TweetDeleted:
        return TweetDeleted(
            event_id=EventId(new_id()),
            stamp_us=posted.stamp_us + 1,
            author=posted.author,
            tweet_id=posted.tweet_id,
            hashtags=posted.hashtags,
            reply_to=posted.reply_to,
        )

    async def turn_on(
        self, relation: Relation, user: UserId, target: int, *, stamp: int | None = None, **more: int
    ) -> Event:
        id_ = new_id()
        fields: dict[str, int] = {"user": user, relation.target_field: target, **more}
        if relation.is_entry:
            fields["author"] = self.somebody()
        event = relation.on(event_id=EventId(id_), stamp_us=stamp or stamp_us(id_), request_id="", **fields)
        await self.ports.events.commit(event)
        return event

    async def turn_off(self, relation: Relation, turned_on: Event) -> None:
        target, since = relation.target_of(turned_on), turned_on.event_id
        fields: dict[str, int] = {"user": turned_on.actor, relation.target_field: target, "since": since}
        stamp = turned_on.stamp_us + 1
        event = relation.off(event_id=EventId(new_id()), stamp_us=stamp, request_id="", **fields)
        await self.ports.events.commit(event)

    async def follow(self, user: UserId, followee: UserId, *, stamp: int | None = None) -> Followed:
        id_ = new_id()
        event = Followed(event_id=EventId(id_), stamp_us=stamp or stamp_us(id_), user=user, followee=followee)
        await self.ports.events.commit(event)
        return event

    async def unfollow(self, followed: Followed) -> None:
        await self.ports.events.commit(
            Unfollowed(
                event_id=EventId(new_id()),
                stamp_us=followed.stamp_us + 1,
                user=followed.user,
                followee=followed.followee,
                since=followed.event_id,
            )
        )

    async def like(self, user: UserId, tweet: int) -> Liked:
        id_ = new_id()
        event = Liked(event_id=EventId(id_), stamp_us=stamp_us(id_), user=user, tweet_id=TweetId(tweet))
        await self.ports.events.commit(event)
        return event

    async def unlike(self, liked: Liked, *, stamp: int | None = None) -> None:
        await self.ports.events.commit(
            Unliked(
                event_id=EventId(new_id()),
                stamp_us=stamp or liked.stamp_us + 1,
                user=liked.user,
                tweet_id=liked.tweet_id,
                since=liked.event_id,
            )
        )

    async def retweet(self, user: UserId, posted: TweetPosted, *, stamp: int | None = None) -> Retweeted:
        id_ = new_id()
        event = Retweeted(
            event_id=EventId(id_),
            stamp_us=stamp or stamp_us(id_),
            user=user,
            tweet_id=posted.tweet_id,
            author=posted.author,
        )
        await self.ports.events.commit(event)
        return event

    async def undo(self, retweeted: Retweeted) -> RetweetUndone:
        event = RetweetUndone(
            event_id=EventId(new_id()),
            stamp_us=retweeted.stamp_us + 1,
            user=retweeted.user,
            tweet_id=retweeted.tweet_id,
            since=retweeted.event_id,
        )
        await self.ports.events.commit(event)
        return event
