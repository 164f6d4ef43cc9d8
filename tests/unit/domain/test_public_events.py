"""Everybody may know of what is public, and of nothing else."""

from typing import Any, get_args

import pytest

from domain.events import AnyEvent, TweetDeleted, TweetPosted
from domain.ids import EventId, TweetId, UserId
from domain.public_events import PUBLIC_KINDS, is_public
from domain.tweets import Visibility

AT: dict[str, Any] = {"event_id": EventId(5), "stamp_us": 7, "author": UserId(9)}
PRIVATE_KINDS = {
    "Bookmarked",
    "BookmarkRemoved",
    "FollowRequested",
    "FollowRequestEnded",
    "Blocked",
    "Unblocked",
    "Muted",
    "Unmuted",
    "RetweetsHidden",
    "RetweetsShown",
    "SettingsChanged",
    "WordMuted",
    "WordUnmuted",
}


def test_every_kind_of_event_is_known_as_public_or_private() -> None:
    kinds = {kind.__name__ for kind in get_args(AnyEvent)}
    assert kinds - PRIVATE_KINDS == {kind.__name__ for kind in (*PUBLIC_KINDS, TweetPosted, TweetDeleted)}


@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("protected", [False, True])
def test_a_tweet_and_its_end_are_public_if_everybody_could_see_it(visibility: Visibility, protected: bool) -> None:
    readers: dict[str, Any] = {"visibility": visibility, "protected": protected}
    posted = TweetPosted(**AT, text="hi", **readers)
    deleted = TweetDeleted(**AT, tweet_id=TweetId(3), **readers)
    expected = visibility is Visibility.PUBLIC and not protected
    assert [is_public(posted), is_public(deleted)] == [expected] * 2
