"""Counts of tweets and users: the sizes of sets in Cassandra."""

from typing import NamedTuple

from domain.relations import RELATIONS
from domain.segments import Place


class TweetCounts(NamedTuple):
    """The sizes of the sets around a tweet."""

    likes: int = 0
    retweets: int = 0
    replies: int = 0
    quotes: int = 0


class UserCounts(NamedTuple):
    """The sizes of a user's sets; retweets are not tweets of theirs."""

    followers: int = 0
    following: int = 0
    tweets: int = 0


class CountedSet(NamedTuple):
    """A set that is counted: `name` of `TweetCounts` or `UserCounts`, and of which tweet or user."""

    name: str
    subject: int


_SPREADS = {relation.counted: relation.sources for relation in RELATIONS if relation.counted}


def place_of(name: str, member: int) -> Place:
    """The place of a member in the sets of a name: its slot is the last of the columns by which they are spread."""
    spread = _SPREADS.get(name)
    return Place(spread.place(member)[-1] if spread else 0, member)
