"""Relations as data: follow, like, block and others. A user is related to a tweet or to another user, or is not.

Rows, repair, pages, counts, flags and adapters are generic over `Relation`: another one is one more value in
`RELATIONS`, with its two events and its tables.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

from domain import ids
from domain.events import (
    Blocked,
    Bookmarked,
    BookmarkRemoved,
    Event,
    Followed,
    FollowRequested,
    FollowRequestEnded,
    Liked,
    Muted,
    Retweeted,
    RetweetsHidden,
    RetweetsShown,
    RetweetUndone,
    Unblocked,
    Unfollowed,
    Unliked,
    Unmuted,
)

_OFF_FIELD = "since"
"""The field of an event that turns a relation off, for the id of the event that had turned it on."""


class Target(StrEnum):
    """The kinds of thing that are related to, and that are counted around."""

    TWEET = "tweet"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Spread of one target's sources, its users, over partitions, so that no partition grows without bound."""

    buckets: int
    columns: tuple[str, ...]
    """Columns before the user in the key of the set: the bucket, then what else it is ordered by."""
    place: Callable[[int], tuple[int, ...]]
    """A user's values of these columns."""


def _in_range(user: int) -> tuple[int, ...]:
    range_ = ids.range_of(user)
    return ids.follower_bucket(range_), range_


BY_BUCKET = Spread(
    buckets=ids.ENGAGEMENT_BUCKETS, columns=("bucket",), place=lambda user: (ids.engagement_bucket(user),)
)
BY_RANGE = Spread(buckets=ids.FOLLOWER_BUCKETS, columns=("bucket", "range"), place=_in_range)
"""In each bucket by follower range, so that a shard can read the ranges it owns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A relation that ends where another begins, in the same batch."""

    relation: "Relation"
    field: str
    """The field of the other's event with the id of the event that turned this one on, 0 if it was off."""
    inverse: bool = False
    """True for that of the target to the user."""

    def pair(self, user: int, target: int) -> tuple[int, int]:
        """The user and the target of this relation, where a user begins the other to a target."""
        return (target, user) if self.inverse else (user, target)


class Ended(NamedTuple):
    """A relation that an event ends besides the one it is about, and the id of the event that had turned it on."""

    relation: "Relation"
    user: int
    target: int
    since: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relation:
    """One kind of relation, and all in which it differs from others."""

    name: str
    """Singular; its tables are named after it."""
    on: type[Event]
    off: type[Event]
    target: Target
    target_field: str = "tweet_id"
    """The field of its events that holds the target's id."""
    flag: str
    """The name under which a reader sees whether they have this relation to a target."""
    counted: str | None = None
    """The count of the target that it feeds."""
    user_counted: str | None = None
    """The count of the user that it feeds."""
    sources: Spread | None = None
    """Spread of one target's users, as a set and by time; None where nobody asks for them."""
    targets_by_time: bool = False
    """True if the targets of one user are kept by time too. Without, a page of them reads all: they must be few."""
    is_entry: bool = False
    """True if the event that turns it on is an entry of timelines, with a row among the tweets of its user."""
    hides: bool = False
    """True if it decides what its user sees of the target, and, where sources are kept, the target of its user."""
    details: tuple[str, ...] = ()
    """The fields of the event that turns it on, integers, that its state keeps."""
    ends: tuple[Ending, ...] = ()
    """The relations that end where it begins. What feeds a count ends only with what feeds none itself."""

    def target_of(self, event: Event) -> int:
        """The target that one of its events is about."""
        return int(getattr(event, self.target_field))

    def turned_on_by(self, event: Event) -> int:
        """The id of the event that turned on what one of its events is about: its own, or that of an earlier one."""
        return int(event.event_id if isinstance(event, self.on) else getattr(event, _OFF_FIELD))

    def pairs_of(self, event: Event) -> Iterator[tuple[int, int]]:
        """Each user and target between whom an event may have begun or ended this relation."""
        about = relation_of(event)
        if about is self:
            yield event.actor, self.target_of(event)
        for ended in about.ended_by(event) if about else ():
            if ended.relation is self:
                yield ended.user, ended.target

    def ended_by(self, event: Event) -> Iterator[Ended]:
        """The other relations that ended when one of its events turned it on."""
        user, target = event.actor, self.target_of(event)
        for ending in self.ends if isinstance(event, self.on) else ():
            if since := int(getattr(event, ending.field)):
                yield Ended(ending.relation, *ending.pair(user, target), since)


REQUEST = Relation(
    name="follow_request",
    on=FollowRequested,
    off=FollowRequestEnded,
    target=Target.USER,
    target_field="followee",
    flag="requested",
    sources=BY_BUCKET,
)
FOLLOW = Relation(
    name="follow",
    on=Followed,
    off=Unfollowed,
    target=Target.USER,
    target_field="followee",
    flag="following",
    counted="followers",
    user_counted="following",
    sources=BY_RANGE,
    ends=(Ending(relation=REQUEST, field="request"),),
)
LIKE = Relation(
    name="like", on=Liked, off=Unliked, target=Target.TWEET, flag="liked", counted="likes", sources=BY_BUCKET
)
RETWEET = Relation(
    name="retweet",
    on=Retweeted,
    off=RetweetUndone,
    target=Target.TWEET,
    flag="retweeted",
    counted="retweets",
    sources=BY_BUCKET,
    is_entry=True,
)
BOOKMARK = Relation(
    name="bookmark", on=Bookmarked, off=BookmarkRemoved, target=Target.TWEET, flag="bookmarked", targets_by_time=True
)
BLOCK = Relation(
    name="block",
    on=Blocked,
    off=Unblocked,
    target=Target.USER,
    target_field="blocked",
    flag="blocking",
    sources=BY_BUCKET,
    hides=True,
    ends=(
        Ending(relation=FOLLOW, field="follow"),
        Ending(relation=FOLLOW, field="followed_by", inverse=True),
        Ending(relation=REQUEST, field="request"),
        Ending(relation=REQUEST, field="requested_by", inverse=True),
    ),
)
MUTE = Relation(
    name="mute",
    on=Muted,
    off=Unmuted,
    target=Target.USER,
    target_field="muted",
    flag="muting",
    hides=True,
    details=("until_ms", "notifications"),
)
RETWEETS_HIDDEN = Relation(
    name="retweet_hide",
    on=RetweetsHidden,
    off=RetweetsShown,
    target=Target.USER,
    target_field="hidden",
    flag="retweets_hidden",
    hides=True,
)
RELATIONS = (FOLLOW, LIKE, RETWEET, BOOKMARK, REQUEST, BLOCK, MUTE, RETWEETS_HIDDEN)
MARKED = tuple(relation for relation in RELATIONS if relation.target is Target.TWEET)
"""The relations that a tweet shows its reader, in the order in which they are cached."""

RELATION_OF: dict[type[Event], Relation] = {kind: each for each in RELATIONS for kind in (each.on, each.off)}


def relation_of(event: Event) -> Relation | None:
    """The relation that an event turns on or off, None for an event of another kind."""
    return RELATION_OF.get(type(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationState:
    """The state of one relation between a user and a target, as it is stored.

    `event_id` is the id of the event that turned it on last; `written_us` orders writes to it. `superseded` are the ids
    of events that turned it on at the same time and lost: what they left beside the state must be removed. `details`
    are of the relation's.
    """

    active: bool
    event_id: int
    written_us: int
    superseded: tuple[int, ...] = ()
    details: tuple[int, ...] = ()

    @classmethod
    def stored(
        cls,
        active: bool,
        event_id: int,
        written_us: int,
        active_events: Collection[int] | None,
        details: Sequence[int] | None = None,
    ) -> Self:
        """The state that a row holds: of its `active_events` all but the current one are superseded."""
        superseded = tuple(sorted(each for each in active_events or () if not (active and each == event_id)))
        return cls(
            active=active,
            event_id=event_id,
            written_us=written_us,
            superseded=superseded,
            details=tuple(details or ()),
        )


INACTIVE = RelationState(active=False, event_id=0, written_us=0)
"""The state of a relation that was never touched."""
