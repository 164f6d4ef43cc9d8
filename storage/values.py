"""How small values look in Redis: packed big-endian integers."""

import struct

from domain.graph import TweetCounts, UserCounts

_TWEET_COUNTS = struct.Struct(">QQQQ")
_USER_COUNTS = struct.Struct(">QQQ")


def tweet_counts(counts: TweetCounts) -> bytes:
    """A tweet's counts, 32 bytes."""
    return _TWEET_COUNTS.pack(counts.likes, counts.retweets, counts.replies, counts.quotes)


def tweet_counts_from(value: bytes) -> TweetCounts:
    """The counts of `tweet_counts`."""
    likes, retweets, replies, quotes = _TWEET_COUNTS.unpack(value)
    return TweetCounts(likes=likes, retweets=retweets, replies=replies, quotes=quotes)


def user_counts(counts: UserCounts) -> bytes:
    """A user's counts, 24 bytes."""
    return _USER_COUNTS.pack(counts.followers, counts.following, counts.tweets)


def user_counts_from(value: bytes) -> UserCounts:
    """The counts of `user_counts`."""
    followers, following, tweets = _USER_COUNTS.unpack(value)
    return UserCounts(followers=followers, following=following, tweets=tweets)
