"""Events: every fact that crosses a process, versioned, with its codec.

An event says what to look at, never what to add: consumers may see it twice, late and out of order.
On the wire: one version byte, then a MessagePack array `[type, event_id, stamp_us, request_id, fields…]`. A field may
be added at the end with a default, and a type may be added: who does not know it yet skips it (`UnknownEvent`), so
readers are upgraded before writers. Anything else is a new version.
"""

from typing import Annotated, ClassVar, get_args

import msgspec

from domain.errors import PoisonedEvent
from domain.ids import ID_MAX, EventId, TweetId, UserId
from domain.tweets import Visibility

VERSION = 1
EVENT_BYTES_MAX = 1 << 16
"""As long as a request may be; whatever is longer is no event of ours."""
_ID = msgspec.Meta(ge=0, le=ID_MAX)


class Event(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A fact.

    `event_id` is unique and ordered by time; `stamp_us` is the write timestamp of the rows that follow from it,
    microseconds since the Unix epoch; `request_id` leads from a consumer's log line back to the request.
    """

    event_id: EventId
    stamp_us: int
    request_id: str = ""

    actor_field: ClassVar[str] = "user"

    @property
    def actor(self) -> UserId:
        """The user whose command it was, who decides the log partition."""
        return UserId(getattr(self, self.actor_field))


class TweetPosted(Event, frozen=True, array_like=True, kw_only=True, tag=1):
    """A tweet, reply or quote was published; `event_id` is the tweet's id, `mentions` are usernames.

    `reply_to_author` is who wrote what it replies to, None also where that was not noted; `mention_ids` are the users
    whom it mentions. It is `protected` if its author was private then.
    """

    author: UserId
    text: str
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    reply_to: TweetId | None = None
    quote_of: TweetId | None = None
    location: str | None = None
    reply_to_author: UserId | None = None
    visibility: Visibility = Visibility.PUBLIC
    mention_ids: tuple[Annotated[UserId, _ID], ...] = ()
    protected: bool = False

    actor_field: ClassVar[str] = "author"

    @property
    def tweet_id(self) -> TweetId:
        return TweetId(self.event_id)


class TweetDeleted(Event, frozen=True, array_like=True, kw_only=True, tag=2):
    """A tweet, reply or quote was taken away, by its author or a moderator; the last two fields are its own."""

    author: UserId
    tweet_id: TweetId
    hashtags: tuple[str, ...] = ()
    reply_to: TweetId | None = None
    quote_of: TweetId | None = None
    visibility: Visibility = Visibility.PUBLIC
    protected: bool = False

    actor_field: ClassVar[str] = "author"


class Retweeted(Event, frozen=True, array_like=True, kw_only=True, tag=3):
    """A user retweeted an original; `event_id` is the retweet's id."""

    user: UserId
    tweet_id: TweetId
    author: UserId


class RetweetUndone(Event, frozen=True, array_like=True, kw_only=True, tag=4):
    """A user took a retweet back; `since` is the retweet's id."""

    user: UserId
    tweet_id: TweetId
    since: int


class Liked(Event, frozen=True, array_like=True, kw_only=True, tag=5):
    """A user likes a tweet."""

    user: UserId
    tweet_id: TweetId


class Unliked(Event, frozen=True, array_like=True, kw_only=True, tag=6):
    """A user no longer likes a tweet; `since` is the id of the event that began it."""

    user: UserId
    tweet_id: TweetId
    since: int


class Followed(Event, frozen=True, array_like=True, kw_only=True, tag=7):
    """A user follows another; `request` is the id of the event that asked for it, 0 if nobody had to be asked."""

    user: UserId
    followee: UserId
    request: int = 0


class Unfollowed(Event, frozen=True, array_like=True, kw_only=True, tag=8):
    """A user no longer follows another; `since` is the id of the event that began it."""

    user: UserId
    followee: UserId
    since: int


class UserSuspended(Event, frozen=True, array_like=True, kw_only=True, tag=9):
    """A moderator suspended a user: none of their tweets is live."""

    user: UserId


class UserReinstated(Event, frozen=True, array_like=True, kw_only=True, tag=10):
    """A moderator ended a suspension: the user's tweets are live again."""

    user: UserId


class Bookmarked(Event, frozen=True, array_like=True, kw_only=True, tag=11):
    """A user bookmarked a tweet, for nobody else to see."""

    user: UserId
    tweet_id: TweetId


class BookmarkRemoved(Event, frozen=True, array_like=True, kw_only=True, tag=12):
    """A user has a tweet no longer among their bookmarks; `since` is the id of the event that began it."""

    user: UserId
    tweet_id: TweetId
    since: int


class FollowRequested(Event, frozen=True, array_like=True, kw_only=True, tag=13):
    """A user asks to follow another, whose account is private."""

    user: UserId
    followee: UserId


class FollowRequestEnded(Event, frozen=True, array_like=True, kw_only=True, tag=14):
    """A follow request was withdrawn or rejected; `since` is the id of the event that began it."""

    user: UserId
    followee: UserId
    since: int


class Blocked(Event, frozen=True, array_like=True, kw_only=True, tag=15):
    """A user blocked another, which ends what each had to the other.

    Of these the ids of the events that began them, 0 for what was not: `follow` and `request` are the user's own,
    `followed_by` and `requested_by` the other's.
    """

    user: UserId
    blocked: UserId
    follow: int = 0
    followed_by: int = 0
    request: int = 0
    requested_by: int = 0


class Unblocked(Event, frozen=True, array_like=True, kw_only=True, tag=16):
    """A user no longer blocks another; `since` is the id of the event that began it."""

    user: UserId
    blocked: UserId
    since: int


class Muted(Event, frozen=True, array_like=True, kw_only=True, tag=17):
    """A user muted another, until a wall time (ms since the epoch, 0 for ever), with their notifications or without."""

    user: UserId
    muted: UserId
    until_ms: int = 0
    notifications: int = 1


class Unmuted(Event, frozen=True, array_like=True, kw_only=True, tag=18):
    """A user no longer mutes another; `since` is the id of the event that began it."""

    user: UserId
    muted: UserId
    since: int


class RetweetsHidden(Event, frozen=True, array_like=True, kw_only=True, tag=19):
    """A user does not want to see what another retweets."""

    user: UserId
    hidden: UserId


class RetweetsShown(Event, frozen=True, array_like=True, kw_only=True, tag=20):
    """A user wants to see again what another retweets; `since` is the id of the event that began it."""

    user: UserId
    hidden: UserId
    since: int


class ProfileEdited(Event, frozen=True, array_like=True, kw_only=True, tag=21):
    """A user changed what they show of themselves: None stays as it was, an empty text clears it."""

    user: UserId
    name: str | None = None
    bio: str | None = None
    location: str | None = None
    website: str | None = None


class SettingsChanged(Event, frozen=True, array_like=True, kw_only=True, tag=22):
    """A user changed some settings, by name, for nobody else to see; `private`, which all see, stays if it is None."""

    user: UserId
    private: bool | None = None
    settings: dict[str, bool | str] = {}


class WordMuted(Event, frozen=True, array_like=True, kw_only=True, tag=23):
    """A user muted a phrase on some surfaces, until a wall time (ms since the epoch, 0 for ever).

    `folded` is the phrase as it is compared.
    """

    user: UserId
    phrase: str
    folded: str
    whole_word: bool = True
    until_ms: int = 0
    surfaces: tuple[str, ...] = ()


class WordUnmuted(Event, frozen=True, array_like=True, kw_only=True, tag=24):
    """A user no longer mutes a phrase; `since` is the id of the event that began it."""

    user: UserId
    since: int


AnyEvent = (
    TweetPosted
    | TweetDeleted
    | Retweeted
    | RetweetUndone
    | Liked
    | Unliked
    | Followed
    | Unfollowed
    | UserSuspended
    | UserReinstated
    | Bookmarked
    | BookmarkRemoved
    | FollowRequested
    | FollowRequestEnded
    | Blocked
    | Unblocked
    | Muted
    | Unmuted
    | RetweetsHidden
    | RetweetsShown
    | ProfileEdited
    | SettingsChanged
    | WordMuted
    | WordUnmuted
)

_Number = Annotated[int, _ID]


class UnknownEvent(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """An event of this version whose type only a newer release knows."""

    tag: _Number
    event_id: _Number
    stamp_us: _Number
    request_id: str


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)
_unknown_decoder = msgspec.msgpack.Decoder(UnknownEvent)
_PREFIX = bytes([VERSION])
_TAGS = frozenset(kind.__struct_config__.tag for kind in get_args(AnyEvent))


def encode(event: Event) -> bytes:
    return _PREFIX + _encoder.encode(event)


def decode(wire: bytes) -> AnyEvent | UnknownEvent:
    """Decode an event. Raises `PoisonedEvent` for bytes of another version, shape or length."""
    if wire[:1] != _PREFIX:
        raise PoisonedEvent(f"version {wire[0]} is not {VERSION}" if wire else "no bytes")
    if len(wire) > EVENT_BYTES_MAX:
        raise PoisonedEvent(f"{len(wire)} bytes are too many")
    body = memoryview(wire)[1:]
    try:
        event = _decoder.decode(body)
    except msgspec.ValidationError as error:
        return _unknown(body, error)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PoisonedEvent(str(error)) from error
    for field in event.__struct_fields__:
        value = getattr(event, field)
        if isinstance(value, int) and not 0 <= value <= ID_MAX:
            raise PoisonedEvent(f"{field} is {value}, which is no id and no time")
    return event


def _unknown(body: memoryview, error: msgspec.ValidationError) -> UnknownEvent:
    """The start of an event whose type is not ours; raises `PoisonedEvent` if it has none."""
    try:
        unknown = _unknown_decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        unknown = None
    if unknown is None or unknown.tag in _TAGS:
        raise PoisonedEvent(str(error)) from error
    return unknown
