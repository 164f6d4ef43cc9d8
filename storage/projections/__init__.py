"""Projections of all kinds of event, and how what they make stale is dropped.

Commands invalidate right after the commit, so that their user reads their own write; consumers of the log do it again,
in case the command died in between.
"""

from collections.abc import Iterable
from typing import Any

from domain.events import (
    Event,
    ProfileEdited,
    SettingsChanged,
    TweetDeleted,
    TweetPosted,
    UserReinstated,
    UserSuspended,
    WordMuted,
    WordUnmuted,
)
from domain.relations import RELATIONS
from storage.ports.cache import CacheStore, ListKey
from storage.projections.muted_words import WORD_MUTED, WORD_UNMUTED
from storage.projections.projection import E, Projection
from storage.projections.relations import relation_projections
from storage.projections.tweets import TWEET_DELETED, TWEET_POSTED
from storage.projections.users import PROFILE_EDITED, SETTINGS_CHANGED, USER_REINSTATED, USER_SUSPENDED

PROJECTIONS: dict[type[Event], Projection[Any]] = {
    TweetPosted: TWEET_POSTED,
    TweetDeleted: TWEET_DELETED,
    UserSuspended: USER_SUSPENDED,
    UserReinstated: USER_REINSTATED,
    ProfileEdited: PROFILE_EDITED,
    SettingsChanged: SETTINGS_CHANGED,
    WordMuted: WORD_MUTED,
    WordUnmuted: WORD_UNMUTED,
}
for _relation in RELATIONS:
    PROJECTIONS |= relation_projections(_relation)


def projection_of(event: E) -> Projection[E]:
    return PROJECTIONS[type(event)]


async def invalidate(cache: CacheStore, events: Iterable[Event]) -> None:
    """Drop the cached values and unlink the lists that some events make stale, each once."""
    stale = dict.fromkeys(each for event in events for each in projection_of(event).invalidates(event))
    values = [each for each in stale if isinstance(each, str)]
    lists = [each for each in stale if isinstance(each, ListKey)]
    if values:
        await cache.drop(values)
    if lists:
        await cache.unlink(lists)
