"""The events that everybody may know of, which is what dataflows of data teams are given."""

from domain.events import (
    AnyEvent,
    Followed,
    Liked,
    ProfileEdited,
    Retweeted,
    RetweetUndone,
    TweetDeleted,
    TweetPosted,
    Unfollowed,
    Unliked,
    UserReinstated,
    UserSuspended,
)
from domain.tweets import Visibility

PUBLIC_KINDS = (
    Retweeted,
    RetweetUndone,
    Liked,
    Unliked,
    Followed,
    Unfollowed,
    UserSuspended,
    UserReinstated,
    ProfileEdited,
)
"""Kinds of event that are never private; a kind that nobody names here is."""


def is_public(event: AnyEvent) -> bool:
    """True if everybody may know of an event. A tweet stays what it was when it was posted."""
    if isinstance(event, TweetPosted | TweetDeleted):
        return event.visibility is Visibility.PUBLIC and not event.protected
    return isinstance(event, PUBLIC_KINDS)
