"""Form of small values in Redis: packed big-endian integers, and trends as rows of MessagePack."""

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from domain.counts import TweetCounts, UserCounts
from domain.trends.tag_counts import Trend

_FOUR = struct.Struct(">4Q")
_THREE = struct.Struct(">3Q")
_TWEET_COUNTS = struct.Struct(">4Q4Q")
_USER_COUNTS = struct.Struct(">3Q3Q")
_TrendRow = tuple[str, str, int, int, int, float, int, tuple[int, ...]]
_encoder = msgspec.msgpack.Encoder()
_trends_decoder = msgspec.msgpack.Decoder(list[_TrendRow])


C = TypeVar("C", TweetCounts, UserCounts)


@dataclass(frozen=True, slots=True)
class Counted(Generic[C]):
    """Counts, and when the reading of each began: microseconds by the cache's clock, 0 if that is not known."""

    counts: C
    all_began_us: tuple[int, ...]

    @classmethod
    def at(cls, counts: C, began_us: int) -> "Counted[C]":
        """Counts that were all read together."""
        return cls(counts, (began_us,) * len(counts))

    def began_us(self, name: str) -> int:
        """The time at which the reading of one of them began."""
        return self.all_began_us[self.counts._fields.index(name)]

    def recounted(self, counts: C, names: Collection[str], began_us: int) -> "Counted[C]":
        """With those of some names read anew."""
        each = zip(counts._fields, self.all_began_us, strict=True)
        return Counted(counts, tuple(began_us if name in names else old for name, old in each))


def tweet_counts(counted: Counted[TweetCounts]) -> bytes:
    """A tweet's counts, 64 bytes."""
    return _TWEET_COUNTS.pack(*counted.counts, *counted.all_began_us)


def tweet_counts_alone(value: bytes) -> TweetCounts:
    """The counts of `tweet_counts`, whenever they were read."""
    return TweetCounts(*_FOUR.unpack_from(value))


def tweet_counts_from(value: bytes) -> Counted[TweetCounts]:
    """The counts of `tweet_counts`, with when they were read."""
    numbers = _TWEET_COUNTS.unpack(value)
    return Counted(TweetCounts(*numbers[:4]), numbers[4:])


def user_counts(counted: Counted[UserCounts]) -> bytes:
    """A user's counts, 48 bytes."""
    return _USER_COUNTS.pack(*counted.counts, *counted.all_began_us)


def user_counts_alone(value: bytes) -> UserCounts:
    """The counts of `user_counts`, whenever they were read."""
    return UserCounts(*_THREE.unpack_from(value))


def user_counts_from(value: bytes) -> Counted[UserCounts]:
    """The counts of `user_counts`, with when they were read."""
    numbers = _USER_COUNTS.unpack(value)
    return Counted(UserCounts(*numbers[:3]), numbers[3:])


def trends(found: Sequence[Trend]) -> bytes:
    """The trends of a place, best first."""
    rows: list[_TrendRow] = [
        (t.tag, t.normalized_tag, t.count, t.unique_authors, t.previous, t.score, t.since, t.tweets) for t in found
    ]
    return _encoder.encode(rows)


def trends_from(value: bytes) -> list[Trend]:
    """The trends of `trends`."""
    return [
        Trend(
            tag=tag,
            normalized_tag=normalized_tag,
            count=count,
            unique_authors=unique_authors,
            previous=previous,
            score=score,
            since=since,
            tweets=tweets,
        )
        for tag, normalized_tag, count, unique_authors, previous, score, since, tweets in _trends_decoder.decode(value)
    ]
