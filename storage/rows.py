"""Rows as values: each is one write to a table; an event and its rows are one logged batch.

The Cassandra adapter turns rows into statements, the adapter in memory applies them to dictionaries. Which rows follow
from an event is in `storage.projections`.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from domain import ids
from domain.events import Event, encode
from domain.hashtags import folded_tag
from domain.relations import RELATIONS, Relation

Value = int | str | bytes | bool | tuple[str, ...] | tuple[int, ...] | None

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
PUBLIC_FEED = "public"


class PrimaryKey(NamedTuple):
    """The columns of a primary key, and how many of them, the first, are the partition key."""

    columns: tuple[str, ...]
    partition: int = 1


class RelationTables(NamedTuple):
    """The names of a relation's tables; all but the first are there only if the relation says so."""

    by_user: str
    """The state of each (user, target); a user's targets by id."""
    by_user_time: str
    """A user's active targets by the event that turned each on."""
    by_target: str
    """A target's active users, each once: the set that is counted."""
    by_target_time: str
    """A target's active users by the event that turned each on."""


@cache
def tables_of(relation: Relation) -> RelationTables:
    """The tables of a relation, named after it."""
    return RelationTables(*(f"{relation.name}s_{name}" for name in RelationTables._fields))


def keys_of(relation: Relation) -> dict[str, PrimaryKey]:
    """The primary keys of a relation's tables."""
    tables = tables_of(relation)
    keys = {tables.by_user: PrimaryKey(("user_id", "target_id"))}
    if relation.targets_by_time:
        keys[tables.by_user_time] = PrimaryKey(("user_id", "event_id"))
    if relation.sources:
        if relation.counted:
            keys[tables.by_target] = PrimaryKey(("target_id", *relation.sources.columns, "user_id"), 2)
        keys[tables.by_target_time] = PrimaryKey(("target_id", "bucket", "event_id"), 2)
    return keys


KEYS: dict[str, PrimaryKey] = {
    "events_by_minute": PrimaryKey(("minute", "log_partition", "event_id"), 2),
    "tweets": PrimaryKey(("user_id", "tweet_id")),
    "tweet_authors": PrimaryKey(("tweet_id",)),
    "replies": PrimaryKey(("tweet_id", "reply_id")),
    "self_replies": PrimaryKey(("tweet_id", "reply_id")),
    "deleted_replies": PrimaryKey(("tweet_id",)),
    "quotes": PrimaryKey(("tweet_id", "quote_id")),
    "feed_tweets": PrimaryKey(("feed", "slot", "tweet_id"), 2),
    "feed_slots": PrimaryKey(("feed", "slot")),
    "muted_words": PrimaryKey(("user_id", "event_id")),
    "users": PrimaryKey(("user_id",)),
    "user_settings": PrimaryKey(("user_id", "name")),
    "opened_accounts": PrimaryKey(("part", "user_id")),
}
"""The primary key of every table that events write to."""
for _relation in RELATIONS:
    KEYS |= keys_of(_relation)


@dataclass(frozen=True, slots=True)
class Upsert:
    """Write one row; `key` holds the primary key in the order of `KEYS`."""

    table: str
    key: tuple[Value, ...]
    stamp_us: int
    values: dict[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetRelation:
    """Write the state of a relation, and add event ids to its `active_events` ("+") or take them out ("-").

    The set holds the id of every event that turned the relation on and was neither turned off nor removed: more than
    the one in `event_id` when commands raced.
    """

    table: str
    key: tuple[Value, ...]
    stamp_us: int
    values: dict[str, Value]
    sign: Literal["+", "-"]
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one row as of a write timestamp."""

    table: str
    key: tuple[Value, ...]
    stamp_us: int


Row = Upsert | SetRelation | Delete


def hashtag_feed(tag: str) -> str:
    return "#" + folded_tag(tag)


def feed_slot(feed: str, tweet_id: int) -> int:
    """The partition of a feed that holds a tweet: an hour of the public timeline, a day of a hashtag's."""
    return ids.time_ms(tweet_id) // (HOUR_MS if feed == PUBLIC_FEED else DAY_MS)


def event_place(event: Event, partitions: int) -> tuple[int, int]:
    """The (minute, log partition) under which an event is kept."""
    return ids.time_ms(event.event_id) // MINUTE_MS, ids.log_partition(event.actor, partitions)


def event_row(event: Event, partitions: int) -> Upsert:
    """The row that holds the event itself."""
    key = (*event_place(event, partitions), event.event_id)
    return Upsert("events_by_minute", key, event.stamp_us, {"body": encode(event)})
