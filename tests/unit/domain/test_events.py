import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PoisonedEvent
from domain.events import (
    AnyEvent,
    Blocked,
    Bookmarked,
    BookmarkRemoved,
    Followed,
    FollowRequested,
    FollowRequestEnded,
    Liked,
    Muted,
    ProfileEdited,
    Retweeted,
    RetweetsHidden,
    RetweetsShown,
    RetweetUndone,
    SettingsChanged,
    TweetDeleted,
    TweetPosted,
    Unblocked,
    Unfollowed,
    UnknownEvent,
    Unliked,
    Unmuted,
    UserReinstated,
    UserSuspended,
    WordMuted,
    WordUnmuted,
    decode,
    encode,
)
from domain.ids import ID_MAX, EventId, TweetId, UserId
from domain.tweets import Visibility

E, T, U = EventId(5), TweetId(3), UserId(9)

GOLDEN = [
    (
        TweetPosted(event_id=E, stamp_us=7, request_id="r", author=U, text="hi #a", hashtags=("a",), reply_to=T),
        "019f010507a17209a5686920236191a1619003c0c0c00090c2",
    ),
    (
        TweetPosted(event_id=E, stamp_us=7, request_id="r", author=U, text="hi", reply_to=T, reply_to_author=U),
        "019f010507a17209a26869909003c0c0090090c2",
    ),
    (
        TweetPosted(
            event_id=E,
            stamp_us=7,
            author=U,
            text="hi @b",
            mentions=("b",),
            visibility=Visibility.MENTIONED,
            mention_ids=(UserId(4),),
            protected=True,
        ),
        "019f010507a009a568692040629091a162c0c0c0c0029104c3",
    ),
    (
        TweetDeleted(event_id=E, stamp_us=7, author=U, tweet_id=T, visibility=Visibility.FOLLOWERS, protected=True),
        "019b020507a0090390c0c001c3",
    ),
    (TweetDeleted(event_id=E, stamp_us=7, author=U, tweet_id=T, hashtags=("a",)), "019b020507a0090391a161c0c000c2"),
    (Retweeted(event_id=E, stamp_us=7, user=U, tweet_id=T, author=UserId(4)), "0197030507a0090304"),
    (RetweetUndone(event_id=E, stamp_us=7, user=U, tweet_id=T, since=2), "0197040507a0090302"),
    (Liked(event_id=E, stamp_us=7, user=U, tweet_id=T), "0196050507a00903"),
    (Unliked(event_id=E, stamp_us=7, user=U, tweet_id=T, since=2), "0197060507a0090302"),
    (Followed(event_id=E, stamp_us=7, user=U, followee=UserId(4), request=3), "0197070507a0090403"),
    (Unfollowed(event_id=E, stamp_us=7, user=U, followee=UserId(4), since=2), "0197080507a0090402"),
    (UserSuspended(event_id=E, stamp_us=7, user=U), "0195090507a009"),
    (UserReinstated(event_id=E, stamp_us=7, user=U), "01950a0507a009"),
    (Bookmarked(event_id=E, stamp_us=7, user=U, tweet_id=T), "01960b0507a00903"),
    (BookmarkRemoved(event_id=E, stamp_us=7, user=U, tweet_id=T, since=2), "01970c0507a0090302"),
    (FollowRequested(event_id=E, stamp_us=7, user=U, followee=UserId(4)), "01960d0507a00904"),
    (FollowRequestEnded(event_id=E, stamp_us=7, user=U, followee=UserId(4), since=2), "01970e0507a0090402"),
    (
        Blocked(event_id=E, stamp_us=7, user=U, blocked=UserId(4), follow=1, followed_by=2, request=3, requested_by=6),
        "019a0f0507a0090401020306",
    ),
    (Unblocked(event_id=E, stamp_us=7, user=U, blocked=UserId(4), since=2), "0197100507a0090402"),
    (Muted(event_id=E, stamp_us=7, user=U, muted=UserId(4), until_ms=8, notifications=0), "0198110507a009040800"),
    (Unmuted(event_id=E, stamp_us=7, user=U, muted=UserId(4), since=2), "0197120507a0090402"),
    (RetweetsHidden(event_id=E, stamp_us=7, user=U, hidden=UserId(4)), "0196130507a00904"),
    (RetweetsShown(event_id=E, stamp_us=7, user=U, hidden=UserId(4), since=2), "0197140507a0090402"),
    (ProfileEdited(event_id=E, stamp_us=7, user=U, name="Ann", bio=""), "0199150507a009a3416e6ea0c0c0"),
    (SettingsChanged(event_id=E, stamp_us=7, user=U, private=True), "0197160507a009c380"),
    (
        SettingsChanged(event_id=E, stamp_us=7, user=U, settings={"push.like": False, "language": "de"}),
        "0197160507a009c082a9707573682e6c696b65c2a86c616e6775616765a26465",
    ),
    (
        WordMuted(event_id=E, stamp_us=7, user=U, phrase="Tea", folded="tea", surfaces=("home",)),
        "019a170507a009a3546561a3746561c30091a4686f6d65",
    ),
    (WordUnmuted(event_id=E, stamp_us=7, user=U, since=2), "0196180507a00902"),
]
"""Bytes that are in logs and in Cassandra already: if one of these changes, old events can no longer be read."""

EARLIER = [
    (
        TweetPosted(event_id=E, stamp_us=7, request_id="r", author=U, text="hi #a", hashtags=("a",), reply_to=T),
        "019b010507a17209a5686920236191a1619003c0c0",
    ),
    (
        TweetPosted(event_id=E, stamp_us=7, request_id="r", author=U, text="hi", reply_to=T, reply_to_author=U),
        "019c010507a17209a26869909003c0c009",
    ),
    (TweetDeleted(event_id=E, stamp_us=7, author=U, tweet_id=T, hashtags=("a",)), "0199020507a0090391a161c0c0"),
    (Followed(event_id=E, stamp_us=7, user=U, followee=UserId(4)), "0196070507a00904"),
]
"""Bytes that earlier versions wrote, before a field was added at the end."""


@pytest.mark.parametrize(("event", "wire"), EARLIER)
def test_what_an_earlier_version_wrote_is_read(event: AnyEvent, wire: str) -> None:
    assert decode(bytes.fromhex(wire)) == event


@pytest.mark.parametrize(("event", "wire"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_bytes_of_an_event_never_change(event: AnyEvent, wire: str) -> None:
    assert encode(event).hex() == wire
    assert decode(bytes.fromhex(wire)) == event


ids_ = st.integers(min_value=0, max_value=ID_MAX)
texts = st.text(max_size=50)


@given(ids_, ids_, ids_, texts, st.lists(texts, max_size=5), st.none() | ids_)
def test_a_tweet_survives_the_codec(
    id_: int, stamp: int, user: int, text: str, tags: list[str], reply: int | None
) -> None:
    event = TweetPosted(
        event_id=EventId(id_),
        stamp_us=stamp,
        author=UserId(user),
        text=text,
        hashtags=tuple(tags),
        reply_to=None if reply is None else TweetId(reply),
    )
    assert decode(encode(event)) == event


def test_a_field_added_at_the_end_by_a_newer_release_is_ignored() -> None:
    newer = bytes.fromhex("0197050507a0090311")  # Liked with one field more
    assert decode(newer) == Liked(event_id=E, stamp_us=7, user=U, tweet_id=T)


def test_a_kind_that_only_a_newer_release_knows_is_told_from_bytes_that_are_no_event() -> None:
    newer = bytes.fromhex("0197630507a172090393010203")  # its fields are its own
    assert decode(newer) == UnknownEvent(tag=0x63, event_id=5, stamp_us=7, request_id="r")


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        (b"", "no bytes"),
        (b"\x02" + encode(GOLDEN[4][0])[1:], "version 2"),
        (b"\x01\x95\x63\x05\xff\xa0\x09", "Invalid value 99"),
        (b"\x01\x93\x63\x05\x07", "Invalid value 99"),
        (b"\x01\x94\x63\x05\x07\x08", "Invalid value 99"),
        (b"\x01\x94\xa1a\x05\x07\xa0", "Expected `int`"),
        (b"\x01\x95\x63\x05\x07\xa0", "Invalid value 99"),
        (b"\x01\x97\x05\x05\x07\xa0\x09\x03" + b"\x91" * 60_000 + b"\xc0", "recursion"),
        (b"\x01\x94\x05\x05\x07\xa0", "at least"),
        (b"\x01\xc1", "malformed"),
        (encode(GOLDEN[0][0])[:-3], "truncated"),
        (b"\x01\x96\x05\xcf" + b"\xff" * 8 + b"\x07\xa0\x09\x03", "event_id is"),
        (b"\x01\x96\x05\x05\xff\xa0\x09\x03", "stamp_us is -1"),
        (bytes.fromhex("019b020507a0090390c0c003c2"), "Invalid enum value 3"),
        (bytes.fromhex("019f010507a009a568692040629091a162c0c0c0c00291ffc3"), ">= 0"),
    ],
)
def test_bytes_that_are_no_event_say_why(wire: bytes, why: str) -> None:
    with pytest.raises(PoisonedEvent) as poisoned:
        decode(wire)
    assert why in str(poisoned.value)
