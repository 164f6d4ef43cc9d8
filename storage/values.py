"""How small values look in Redis: packed big-endian integers, and trends as rows of MessagePack."""

import struct
from collections.abc import Sequence

import msgspec

from domain.graph import TweetCounts, UserCounts
from domain.trends import Trend

_TWEET_COUNTS = struct.Struct(">QQQQ")
_USER_COUNTS = struct.Struct(">QQQ")
_TrendRow = tuple[str, str, int, int, int, float, int, tuple[int, ...]]
_encoder = msgspec.msgpack.Encoder()
_trends_decoder = msgspec.msgpack.Decoder(list[_TrendRow])


def tweet_counts(counts: TweetCounts) -> bytes:
    """A tweet's counts, 32 bytes."""
    return _TWEET_COUNTS.pack(*counts)


def tweet_counts_from(value: bytes) -> TweetCounts:
    """The counts of `tweet_counts`."""
    return TweetCounts(*_TWEET_COUNTS.unpack(value))


def user_counts(counts: UserCounts) -> bytes:
    """A user's counts, 24 bytes."""
    return _USER_COUNTS.pack(*counts)


def user_counts_from(value: bytes) -> UserCounts:
    """The counts of `user_counts`."""
    return UserCounts(*_USER_COUNTS.unpack(value))


def trends(found: Sequence[Trend]) -> bytes:
    """The trends of a place, best first."""
    rows: list[_TrendRow] = [
        (t.tag, t.folded, t.count, t.unique_authors, t.previous, t.score, t.since, t.tweets) for t in found
    ]
    return _encoder.encode(rows)


def trends_from(value: bytes) -> list[Trend]:
    """The trends of `trends`."""
    return [
        Trend(
            tag=tag,
            folded=folded,
            count=count,
            unique_authors=unique_authors,
            previous=previous,
            score=score,
            since=since,
            tweets=tweets,
        )
        for tag, folded, count, unique_authors, previous, score, since, tweets in _trends_decoder.decode(value)
    ]
