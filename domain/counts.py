"""Counts of tweets and users: the sizes of sets in Cassandra."""

from typing import NamedTuple


class TweetCounts(NamedTuple):
    """The sizes of the sets around a tweet."""

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
