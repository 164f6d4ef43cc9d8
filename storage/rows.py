"""What a fact writes: one pure function from an event to rows.

The Cassandra adapter turns rows into one logged batch, the memory adapter applies them to dictionaries.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from domain import ids
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
    encode,
)
from domain.graph import Toggle
from domain.hashtags import folded_tag

Value = int | str | bytes | bool | tuple[str, ...] | None

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
PUBLIC_FEED = "public"

KEYS: dict[str, tuple[str, ...]] = {
    "events_by_minute": ("minute", "shard", "event_id"),
    "tweets": ("user_id", "tweet_id"),
    "tweet_authors": ("tweet_id",),
    "replies": ("tweet_id", "reply_id"),
    "self_replies": ("tweet_id", "reply_id"),
    "deleted_replies": ("tweet_id",),
    "quotes": ("tweet_id", "quote_id"),
    "likes": ("tweet_id", "bucket", "user_id"),
    "likes_by_time": ("tweet_id", "bucket", "since"),
    "likes_by_user": ("user_id", "tweet_id"),
    "retweets": ("tweet_id", "bucket", "user_id"),
    "retweets_by_time": ("tweet_id", "bucket", "since"),
    "retweets_by_user": ("user_id", "tweet_id"),
    "following": ("user_id", "followee"),
    "followers": ("author", "bucket", "range", "follower"),
    "followers_by_time": ("author", "bucket", "since"),
    "feed_tweets": ("feed", "slot", "tweet_id"),
    "feed_slots": ("feed", "slot"),
}
"""The primary key of every table that events write to, partition key first."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write one row; `key` holds the primary key in the order of `KEYS`."""

    table: str
    key: tuple[Value, ...]
    stamp_us: int
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Switch:
    """Write a switch's row, and add ids to its `sinces` ("+") or take them out ("-").

    The set holds the id of every event that turned the switch on and was neither turned off nor taken back: more
    than the one in `since` when commands raced.
    """

    table: str
    key: tuple[Value, ...]
    stamp_us: int
    values: dict[str, Value]
    sign: Literal["+", "-"]
    sinces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """Delete one row as of a write timestamp."""

    table: str
    key: tuple[Value, ...]
    stamp_us: int


Row = Put | Switch | Drop


def hashtag_feed(tag: str) -> str:
    """The feed of a hashtag."""
    return "#" + folded_tag(tag)


def feed_slot(feed: str, tweet_id: int) -> int:
    """The partition of a feed that holds a tweet: an hour of the public timeline, a day of a hashtag's."""
    return ids.time_ms(tweet_id) // (HOUR_MS if feed == PUBLIC_FEED else DAY_MS)


def event_place(event: Event, partitions: int) -> tuple[int, int]:
    """The (minute, log partition) under which an event is kept."""
    return ids.time_ms(event.event_id) // MINUTE_MS, ids.log_partition(event.actor, partitions)


def event_row(event: Event, partitions: int) -> Put:
    """The row that holds the event itself."""
    return Put(
        "events_by_minute", (*event_place(event, partitions), event.event_id), event.stamp_us, {"body": encode(event)}
    )


def rows_of(event: Event) -> list[Row]:
    """The rows that follow from an event, in no particular order; the event's own row is not among them."""
    match event:
        case TweetPosted():
            return list(_posted(event))
        case TweetDeleted():
            return list(_deleted(event))
        case Retweeted(user=user, tweet_id=tweet, event_id=since):
            values: dict[str, Value] = {"retweet_of": tweet, "retweet_author": event.author}
            return [
                Put("tweets", (user, since), event.stamp_us, values),
                Put("tweet_authors", (since,), event.stamp_us, {"user_id": user}),
                *_engaged("retweets", event, user, tweet, since),
            ]
        case RetweetUndone(user=user, tweet_id=tweet, since=since):
            return [
                Drop("tweets", (user, since), event.stamp_us),
                Drop("tweet_authors", (since,), event.stamp_us),
                *_disengaged("retweets", event, user, tweet, since),
            ]
        case Liked(user=user, tweet_id=tweet):
            return list(_engaged("likes", event, user, tweet, event.event_id))
        case Unliked(user=user, tweet_id=tweet, since=since):
            return list(_disengaged("likes", event, user, tweet, since))
        case Followed(user=user, followee=author, event_id=since):
            range_ = ids.range_of(user)
            bucket = ids.follower_bucket(range_)
            return [
                _on("following", (user, author), event.stamp_us, since),
                Put("followers", (author, bucket, range_, user), event.stamp_us, {"since": since}),
                Put("followers_by_time", (author, bucket, since), event.stamp_us, {"follower": user}),
            ]
        case Unfollowed(user=user, followee=author, since=since):
            range_ = ids.range_of(user)
            bucket = ids.follower_bucket(range_)
            return [
                _off("following", (user, author), event.stamp_us, since),
                Drop("followers", (author, bucket, range_, user), event.stamp_us),
                Drop("followers_by_time", (author, bucket, since), event.stamp_us),
            ]
        case _:
            raise AssertionError(f"no rows are known for {type(event).__name__}")


def lost_rows(event: Event, switch: Toggle) -> list[Row]:
    """The rows to take back of the events that lost a switch, the one that `event` is about, to another write.

    All of theirs were written at or before the switch's latest write, and of equal stamps the delete wins.
    """
    rows: list[Row] = []
    stamp = switch.written_us
    match event:
        case Retweeted(user=user, tweet_id=tweet) | RetweetUndone(user=user, tweet_id=tweet):
            bucket = ids.engagement_bucket(user)
            for since in switch.lost:
                rows += [Drop("tweets", (user, since), stamp), Drop("tweet_authors", (since,), stamp)]
                rows.append(Drop("retweets_by_time", (tweet, bucket, since), stamp))
            rows.append(Switch("retweets_by_user", (user, tweet), stamp, {}, "-", switch.lost))
        case Liked(user=user, tweet_id=tweet) | Unliked(user=user, tweet_id=tweet):
            bucket = ids.engagement_bucket(user)
            rows += [Drop("likes_by_time", (tweet, bucket, since), stamp) for since in switch.lost]
            rows.append(Switch("likes_by_user", (user, tweet), stamp, {}, "-", switch.lost))
        case Followed(user=user, followee=author) | Unfollowed(user=user, followee=author):
            bucket = ids.follower_bucket(ids.range_of(user))
            rows += [Drop("followers_by_time", (author, bucket, since), stamp) for since in switch.lost]
            rows.append(Switch("following", (user, author), stamp, {}, "-", switch.lost))
        case _:
            raise AssertionError(f"{type(event).__name__} turns no switch")
    return rows


def _on(table: str, key: tuple[int, int], stamp_us: int, since: int) -> Switch:
    return Switch(table, key, stamp_us, {"active": True, "since": since}, "+", (since,))


def _off(table: str, key: tuple[int, int], stamp_us: int, since: int) -> Switch:
    return Switch(table, key, stamp_us, {"active": False, "since": since}, "-", (since,))


def _posted(event: TweetPosted) -> Iterator[Row]:
    stamp = event.stamp_us
    values: dict[str, Value] = {
        "text": event.text,
        "hashtags": event.hashtags,
        "mentions": event.mentions,
        "reply_to": event.reply_to,
        "quote_of": event.quote_of,
        "location": event.location,
    }
    yield Put("tweets", (event.author, event.tweet_id), stamp, {k: v for k, v in values.items() if v not in (None, ())})
    yield Put("tweet_authors", (event.tweet_id,), stamp, {"user_id": event.author})
    if event.reply_to is not None:
        if self_reply := event.reply_to_author == event.author:
            yield Put("self_replies", (event.reply_to, event.tweet_id), stamp)
        values = {"user_id": event.author} | ({"self_reply": True} if self_reply else {})
        yield Put("replies", (event.reply_to, event.tweet_id), stamp, values)
    if event.quote_of is not None:
        yield Put("quotes", (event.quote_of, event.tweet_id), stamp, {"user_id": event.author})
    for feed in _feeds(event):
        slot = feed_slot(feed, event.tweet_id)
        yield Put("feed_slots", (feed, slot), stamp)
        yield Put("feed_tweets", (feed, slot, event.tweet_id), stamp, {"user_id": event.author})


def _deleted(event: TweetDeleted) -> Iterator[Row]:
    stamp = event.stamp_us
    yield Drop("tweets", (event.author, event.tweet_id), stamp)
    yield Drop("tweet_authors", (event.tweet_id,), stamp)
    if event.reply_to is not None:
        # What was replied to it stays, and must be found from above and find what is above.
        yield Put("replies", (event.reply_to, event.tweet_id), stamp, {"deleted": True})
        yield Put("deleted_replies", (event.tweet_id,), stamp, {"reply_to": event.reply_to})
    if event.quote_of is not None:
        yield Drop("quotes", (event.quote_of, event.tweet_id), stamp)
    for feed in _feeds(event):
        yield Drop("feed_tweets", (feed, feed_slot(feed, event.tweet_id), event.tweet_id), stamp)


def _feeds(event: TweetPosted | TweetDeleted) -> list[str]:
    return [PUBLIC_FEED, *map(hashtag_feed, event.hashtags)]


def _engaged(table: str, event: Event, user: int, tweet: int, since: int) -> Iterator[Row]:
    bucket = ids.engagement_bucket(user)
    yield _on(f"{table}_by_user", (user, tweet), event.stamp_us, since)
    yield Put(table, (tweet, bucket, user), event.stamp_us, {"since": since})
    yield Put(f"{table}_by_time", (tweet, bucket, since), event.stamp_us, {"user_id": user})


def _disengaged(table: str, event: Event, user: int, tweet: int, since: int) -> Iterator[Row]:
    bucket = ids.engagement_bucket(user)
    yield _off(f"{table}_by_user", (user, tweet), event.stamp_us, since)
    yield Drop(table, (tweet, bucket, user), event.stamp_us)
    yield Drop(f"{table}_by_time", (tweet, bucket, since), event.stamp_us)
