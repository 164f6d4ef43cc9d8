"""What follows from each kind of event, as golden rows."""

from typing import Any, get_args

import pytest

from domain.events import (
    AnyEvent,
    Blocked,
    Bookmarked,
    BookmarkRemoved,
    Event,
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
    Unliked,
    Unmuted,
    UserReinstated,
    UserSuspended,
    WordMuted,
    WordUnmuted,
)
from domain.ids import EventId, TweetId, UserId, count_part, time_ms
from domain.relations import RelationState
from domain.tweets import Visibility
from storage import keys
from storage.own_acts import acts_from, acts_of
from storage.ports.cache import ListKey, ListKind
from storage.projections import PROJECTIONS, projection_of
from storage.projections.relations import superseded_rows, superseded_values
from storage.rows import KEYS, Delete, Row, SetRelation, Upsert, Value, event_place
from tests.memory.events import MemoryEventStore
from tests.memory.tables import MemoryTables

ALICE, BOB = UserId(1), UserId(2)
BUCKET, FOLLOWER_BUCKET, RANGE = 0, 1, 15
"""Where Bob stands among the sources of a tweet, and of a user."""
ALICE_BUCKET = 2
TWEET, ID, BEFORE = TweetId(70), EventId(90), 80
STAMP = 1_000
HOUR, DAY = 482_136, 20_089
"""When the first ids were made."""
HOME = ListKey(ListKind.HOME, BOB)
FOLLOWS: set[tuple[int, str]] = {(BOB, "following"), (ALICE, "followers")}
"""What is counted after a follow."""
AT: dict[str, Any] = {"event_id": ID, "stamp_us": STAMP}
BY_BOB: dict[str, Any] = {**AT, "user": BOB}


def on(name: str, target: int) -> SetRelation:
    return SetRelation(f"{name}_by_user", (BOB, target), STAMP, {"active": True, "event_id": ID}, "+", (ID,))


def off(name: str, target: int) -> SetRelation:
    return SetRelation(f"{name}_by_user", (BOB, target), STAMP, {"active": False, "event_id": BEFORE}, "-", (BEFORE,))


GOLDEN: list[tuple[Event, list[Row]]] = [
    (
        TweetPosted(
            **AT,
            author=BOB,
            text="#Hi",
            hashtags=("Hi",),
            mentions=("ann",),
            reply_to=TWEET,
            quote_of=TweetId(71),
            location="Bern",
            reply_to_author=BOB,
        ),
        [
            Upsert(
                "tweets",
                (BOB, ID),
                STAMP,
                {
                    "text": "#Hi",
                    "hashtags": ("Hi",),
                    "mentions": ("ann",),
                    "reply_to": TWEET,
                    "quote_of": 71,
                    "location": "Bern",
                },
            ),
            Upsert("tweet_authors", (ID,), STAMP, {"user_id": BOB}),
            Upsert("self_replies", (TWEET, ID), STAMP),
            Upsert("replies", (TWEET, ID), STAMP, {"user_id": BOB, "self_reply": True}),
            Upsert("quotes", (71, ID), STAMP, {"user_id": BOB}),
            Upsert("feed_slots", ("public", HOUR), STAMP),
            Upsert("feed_tweets", ("public", HOUR, ID), STAMP, {"user_id": BOB}),
            Upsert("feed_slots", ("#hi", DAY), STAMP),
            Upsert("feed_tweets", ("#hi", DAY, ID), STAMP, {"user_id": BOB}),
        ],
    ),
    (
        TweetDeleted(**AT, author=BOB, tweet_id=TWEET, hashtags=("Hi",), reply_to=TweetId(60), quote_of=TweetId(61)),
        [
            Delete("tweets", (BOB, TWEET), STAMP),
            Delete("tweet_authors", (TWEET,), STAMP),
            Upsert("replies", (60, TWEET), STAMP, {"deleted": True}),
            Upsert("deleted_replies", (TWEET,), STAMP, {"reply_to": 60}),
            Delete("quotes", (61, TWEET), STAMP),
            Delete("feed_tweets", ("public", HOUR, TWEET), STAMP),
            Delete("feed_tweets", ("#hi", DAY, TWEET), STAMP),
        ],
    ),
    (
        Retweeted(**BY_BOB, tweet_id=TWEET, author=ALICE),
        [
            on("retweets", TWEET),
            Upsert("retweets_by_target", (TWEET, BUCKET, BOB), STAMP, {"event_id": ID}),
            Upsert("retweets_by_target_time", (TWEET, BUCKET, ID), STAMP, {"user_id": BOB}),
            Upsert("tweets", (BOB, ID), STAMP, {"retweet_of": TWEET, "retweet_author": ALICE}),
            Upsert("tweet_authors", (ID,), STAMP, {"user_id": BOB}),
        ],
    ),
    (
        RetweetUndone(**BY_BOB, tweet_id=TWEET, since=BEFORE),
        [
            off("retweets", TWEET),
            Delete("retweets_by_target", (TWEET, BUCKET, BOB), STAMP),
            Delete("retweets_by_target_time", (TWEET, BUCKET, BEFORE), STAMP),
            Delete("tweets", (BOB, BEFORE), STAMP),
            Delete("tweet_authors", (BEFORE,), STAMP),
        ],
    ),
    (
        Liked(**BY_BOB, tweet_id=TWEET),
        [
            on("likes", TWEET),
            Upsert("likes_by_target", (TWEET, BUCKET, BOB), STAMP, {"event_id": ID}),
            Upsert("likes_by_target_time", (TWEET, BUCKET, ID), STAMP, {"user_id": BOB}),
        ],
    ),
    (
        Unliked(**BY_BOB, tweet_id=TWEET, since=BEFORE),
        [
            off("likes", TWEET),
            Delete("likes_by_target", (TWEET, BUCKET, BOB), STAMP),
            Delete("likes_by_target_time", (TWEET, BUCKET, BEFORE), STAMP),
        ],
    ),
    (
        Followed(**BY_BOB, followee=ALICE),
        [
            on("follows", ALICE),
            Upsert("follows_by_target", (ALICE, FOLLOWER_BUCKET, RANGE, BOB), STAMP, {"event_id": ID}),
            Upsert("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, ID), STAMP, {"user_id": BOB}),
        ],
    ),
    (
        Unfollowed(**BY_BOB, followee=ALICE, since=BEFORE),
        [
            off("follows", ALICE),
            Delete("follows_by_target", (ALICE, FOLLOWER_BUCKET, RANGE, BOB), STAMP),
            Delete("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, BEFORE), STAMP),
        ],
    ),
    (
        Bookmarked(**BY_BOB, tweet_id=TWEET),
        [on("bookmarks", TWEET), Upsert("bookmarks_by_user_time", (BOB, ID), STAMP, {"target_id": TWEET})],
    ),
    (
        BookmarkRemoved(**BY_BOB, tweet_id=TWEET, since=BEFORE),
        [off("bookmarks", TWEET), Delete("bookmarks_by_user_time", (BOB, BEFORE), STAMP)],
    ),
    (
        Followed(**BY_BOB, followee=ALICE, request=BEFORE),
        [
            on("follows", ALICE),
            Upsert("follows_by_target", (ALICE, FOLLOWER_BUCKET, RANGE, BOB), STAMP, {"event_id": ID}),
            Upsert("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, ID), STAMP, {"user_id": BOB}),
            off("follow_requests", ALICE),
            Delete("follow_requests_by_target_time", (ALICE, BUCKET, BEFORE), STAMP),
        ],
    ),
    (
        FollowRequested(**BY_BOB, followee=ALICE),
        [
            on("follow_requests", ALICE),
            Upsert("follow_requests_by_target_time", (ALICE, BUCKET, ID), STAMP, {"user_id": BOB}),
        ],
    ),
    (
        FollowRequestEnded(**BY_BOB, followee=ALICE, since=BEFORE),
        [
            off("follow_requests", ALICE),
            Delete("follow_requests_by_target_time", (ALICE, BUCKET, BEFORE), STAMP),
        ],
    ),
    (
        Blocked(**BY_BOB, blocked=ALICE, follow=BEFORE, requested_by=81),
        [
            on("blocks", ALICE),
            Upsert("blocks_by_target_time", (ALICE, BUCKET, ID), STAMP, {"user_id": BOB}),
            off("follows", ALICE),
            Delete("follows_by_target", (ALICE, FOLLOWER_BUCKET, RANGE, BOB), STAMP),
            Delete("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, BEFORE), STAMP),
            SetRelation("follow_requests_by_user", (ALICE, BOB), STAMP, {"active": False, "event_id": 81}, "-", (81,)),
            Delete("follow_requests_by_target_time", (BOB, ALICE_BUCKET, 81), STAMP),
        ],
    ),
    (
        Unblocked(**BY_BOB, blocked=ALICE, since=BEFORE),
        [off("blocks", ALICE), Delete("blocks_by_target_time", (ALICE, BUCKET, BEFORE), STAMP)],
    ),
    (
        Muted(**BY_BOB, muted=ALICE, until_ms=7, notifications=0),
        [
            SetRelation(
                "mutes_by_user",
                (BOB, ALICE),
                STAMP,
                {"active": True, "event_id": ID, "details": (7, 0)},
                "+",
                (ID,),
            )
        ],
    ),
    (Unmuted(**BY_BOB, muted=ALICE, since=BEFORE), [off("mutes", ALICE)]),
    (RetweetsHidden(**BY_BOB, hidden=ALICE), [on("retweet_hides", ALICE)]),
    (RetweetsShown(**BY_BOB, hidden=ALICE, since=BEFORE), [off("retweet_hides", ALICE)]),
    (
        UserSuspended(**BY_BOB),
        [Upsert("users", (BOB,), STAMP, {"suspended_at": time_ms(ID), "event_id": ID})],
    ),
    (UserReinstated(**BY_BOB), [Upsert("users", (BOB,), STAMP, {"suspended_at": 0, "event_id": ID})]),
    (
        WordMuted(**BY_BOB, phrase="Tea", folded="tea", until_ms=9, surfaces=("home",)),
        [
            Upsert(
                "muted_words",
                (BOB, ID),
                STAMP,
                {"phrase": "Tea", "folded": "tea", "whole_word": True, "until_ms": 9, "surfaces": ("home",)},
            )
        ],
    ),
    (WordUnmuted(**BY_BOB, since=7), [Delete("muted_words", (BOB, 7), STAMP)]),
    (
        ProfileEdited(**BY_BOB, name="Rob", website=""),
        [Upsert("users", (BOB,), STAMP, {"name": "Rob", "website": "", "event_id": ID})],
    ),
    (
        SettingsChanged(**BY_BOB, private=False, settings={"push.like": False, "language": "de"}),
        [
            Upsert("users", (BOB,), STAMP, {"private": False, "event_id": ID}),
            Upsert("user_settings", (BOB, "push.like"), STAMP, {"value": "false"}),
            Upsert("user_settings", (BOB, "language"), STAMP, {"value": '"de"'}),
            Upsert("opened_accounts", (count_part(BOB), BOB), STAMP, {"event_id": ID}),
        ],
    ),
]
EACH = pytest.mark.parametrize(("event", "rows"), GOLDEN, ids=lambda each: type(each).__name__)


def test_every_kind_of_event_has_its_projection() -> None:
    assert PROJECTIONS.keys() == set(get_args(AnyEvent)) == {type(event) for event, _ in GOLDEN}


@EACH
def test_rows(event: Event, rows: list[Row]) -> None:
    assert list(projection_of(event).rows(event)) == rows
    assert all(len(row.key) == len(KEYS[row.table].columns) for row in rows)


@EACH
def test_stale_values_and_counts_and_entries(event: Event, rows: list[Row]) -> None:
    stale, counts, entry = EFFECTS[type(event)]
    projection = projection_of(event)
    assert set(projection.invalidates(event)) == stale
    assert {(count.id, count.name) for count in projection.recounts(event)} == counts
    assert projection.entry(event) == entry
    assert len(acts_of(event, repeated=False)) == len(counts)


EFFECTS: dict[type[Event], tuple[set[str | ListKey], set[tuple[int, str]], tuple[int, int] | None]] = {
    TweetPosted: (set(), {(TWEET, "replies"), (71, "quotes"), (BOB, "tweets")}, (ID, ID)),
    TweetDeleted: ({keys.tweet(TWEET)}, {(60, "replies"), (61, "quotes"), (BOB, "tweets")}, None),
    Retweeted: ({keys.engaged(BOB)}, {(TWEET, "retweets")}, (ID, TWEET)),
    RetweetUndone: ({keys.engaged(BOB), keys.tweet(BEFORE)}, {(TWEET, "retweets")}, None),
    Liked: ({keys.engaged(BOB)}, {(TWEET, "likes")}, None),
    Unliked: ({keys.engaged(BOB)}, {(TWEET, "likes")}, None),
    Followed: ({keys.following(BOB), HOME}, FOLLOWS, None),
    Unfollowed: ({keys.following(BOB), HOME}, FOLLOWS, None),
    FollowRequested: (set(), set(), None),
    FollowRequestEnded: (set(), set(), None),
    Blocked: ({keys.view(BOB), keys.view(ALICE), keys.following(BOB), HOME}, FOLLOWS, None),
    Unblocked: ({keys.view(BOB), keys.view(ALICE)}, set(), None),
    Muted: ({keys.view(BOB)}, set(), None),
    Unmuted: ({keys.view(BOB)}, set(), None),
    RetweetsHidden: ({keys.view(BOB)}, set(), None),
    RetweetsShown: ({keys.view(BOB)}, set(), None),
    UserSuspended: ({keys.user(BOB)}, set(), None),
    UserReinstated: ({keys.user(BOB)}, set(), None),
    WordMuted: ({keys.view(BOB)}, set(), None),
    WordUnmuted: ({keys.view(BOB)}, set(), None),
    ProfileEdited: ({keys.user(BOB)}, set(), None),
    SettingsChanged: ({keys.user(BOB)}, set(), None),
    Bookmarked: ({keys.engaged(BOB)}, set(), None),
    BookmarkRemoved: ({keys.engaged(BOB)}, set(), None),
}
"""For each kind: stale values and lists, counts to be taken anew, and the entry."""


def test_a_tweet_that_is_not_for_everybody_stands_in_no_feed() -> None:
    posted = TweetPosted(
        **AT,
        author=BOB,
        text="#Hi",
        hashtags=("Hi",),
        visibility=Visibility.MENTIONED,
        mention_ids=(ALICE,),
        protected=True,
    )
    readers: dict[str, Value] = {"visibility": 2, "mention_ids": (ALICE,), "protected": True}
    assert [*projection_of(posted).rows(posted)] == [
        Upsert("tweets", (BOB, ID), STAMP, {"text": "#Hi", "hashtags": ("Hi",), **readers}),
        Upsert("tweet_authors", (ID,), STAMP, {"user_id": BOB}),
    ]
    deleted = TweetDeleted(**AT, author=BOB, tweet_id=TWEET, hashtags=("Hi",), visibility=Visibility.FOLLOWERS)
    removed = [Delete("tweets", (BOB, TWEET), STAMP), Delete("tweet_authors", (TWEET,), STAMP)]
    assert [*projection_of(deleted).rows(deleted)] == removed


@EACH
def test_a_count_goes_up_with_what_begins_and_down_with_what_ends(event: Event, rows: list[Row]) -> None:
    up = isinstance(event, TweetPosted | Retweeted | Liked | Followed)
    noted = b"".join(act + bytes(8) for act in acts_of(event, repeated=False))
    assert {act.change for acts in acts_from(noted).values() for act in acts} <= {1 if up else -1}
    repeated = b"".join(act + bytes(8) for act in acts_of(event, repeated=True))
    assert {act.change for acts in acts_from(repeated).values() for act in acts} <= {0}


@pytest.mark.parametrize("repeated", [False, True])
def test_a_bookmark_changes_no_count_that_is_noted(repeated: bool) -> None:
    assert acts_of(Bookmarked(**BY_BOB, tweet_id=TWEET), repeated=repeated) == []
    assert acts_of(BookmarkRemoved(**BY_BOB, tweet_id=TWEET, since=BEFORE), repeated=repeated) == []


def test_all_that_a_superseded_event_left_is_removed_but_not_what_the_winner_wrote_too() -> None:
    state = RelationState(active=True, event_id=ID, written_us=STAMP, superseded=(81, 82))
    liked, retweeted = Liked(**BY_BOB, tweet_id=TWEET), Retweeted(**BY_BOB, tweet_id=TWEET, author=ALICE)
    followed, bookmarked = Followed(**BY_BOB, followee=ALICE), Bookmarked(**BY_BOB, tweet_id=TWEET)
    assert list(superseded_rows(liked, state)) == [
        Delete("likes_by_target_time", (TWEET, BUCKET, 81), STAMP),
        Delete("likes_by_target_time", (TWEET, BUCKET, 82), STAMP),
        SetRelation("likes_by_user", (BOB, TWEET), STAMP, {}, "-", (81, 82)),
    ]
    assert list(superseded_rows(retweeted, state)) == [
        *(
            Delete(table, key, STAMP)
            for lost in (81, 82)
            for table, key in (
                ("retweets_by_target_time", (TWEET, BUCKET, lost)),
                ("tweets", (BOB, lost)),
                ("tweet_authors", (lost,)),
            )
        ),
        SetRelation("retweets_by_user", (BOB, TWEET), STAMP, {}, "-", (81, 82)),
    ]
    assert list(superseded_rows(followed, state)) == [
        Delete("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, 81), STAMP),
        Delete("follows_by_target_time", (ALICE, FOLLOWER_BUCKET, 82), STAMP),
        SetRelation("follows_by_user", (BOB, ALICE), STAMP, {}, "-", (81, 82)),
    ]
    assert list(superseded_rows(bookmarked, state)) == [
        Delete("bookmarks_by_user_time", (BOB, 81), STAMP),
        Delete("bookmarks_by_user_time", (BOB, 82), STAMP),
        SetRelation("bookmarks_by_user", (BOB, TWEET), STAMP, {}, "-", (81, 82)),
    ]
    assert superseded_values(retweeted, state) == [keys.tweet(81), keys.tweet(82)]
    assert superseded_values(liked, state) == superseded_values(followed, state) == []
    assert superseded_values(bookmarked, state) == []


async def test_a_suspension_is_kept_among_the_events() -> None:
    events = MemoryEventStore(MemoryTables(), partitions=4)
    suspended = UserSuspended(**BY_BOB)
    await events.commit(suspended)
    minute, partition = event_place(suspended, 4)
    assert await events.event_ids_of(minute, after=EventId(0)) == [(partition, ID)]


def test_who_goes_private_or_changes_other_settings_opens_nothing() -> None:
    for event in (SettingsChanged(**BY_BOB, private=True), SettingsChanged(**BY_BOB, settings={"language": "de"})):
        assert "opened_accounts" not in {row.table for row in projection_of(event).rows(event)}
