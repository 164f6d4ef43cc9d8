"""Who follows whom, and other switches that a user turns on and off."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """One switch (a follow, a like, a retweet) as it is stored.

    `since` is the id of the event that turned it on last; `written_us` orders writes to it. `lost` are the ids of
    events that turned it on at the same time and lost: what they left beside the switch must be taken back.
    """

    active: bool
    since: int
    written_us: int
    lost: tuple[int, ...] = ()


def toggle(active: bool, since: int, written_us: int, sinces: Collection[int]) -> Toggle:
    """A switch as its row tells: of the `sinces` it holds, all but the current one have lost."""
    lost = tuple(sorted(each for each in sinces if not (active and each == since)))
    return Toggle(active=active, since=since, written_us=written_us, lost=lost)


OFF = Toggle(active=False, since=0, written_us=0)
"""A switch nobody ever touched."""


class TweetCounts(NamedTuple):
    """How often a tweet was engaged with."""

    likes: int = 0
    retweets: int = 0
    replies: int = 0
    quotes: int = 0


NO_TWEET_COUNTS = TweetCounts()
TWEET_COUNTS = frozenset(TweetCounts._fields)
"""The names of a tweet's counts."""


class UserCounts(NamedTuple):
    """The sizes of a user's sets; retweets are not tweets of theirs."""

    followers: int = 0
    following: int = 0
    tweets: int = 0


NO_USER_COUNTS = UserCounts()
USER_COUNTS = frozenset(UserCounts._fields)
"""The names of a user's counts."""
