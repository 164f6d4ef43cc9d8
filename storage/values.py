"""Form of small values in Redis: packed big-endian integers, and trends as rows of MessagePack."""

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from domain.counts import TweetCounts, UserCounts
from domain.trends.tag_counts import Trend
from storage import keys
from storage.keys import ById

_encoder = msgspec.msgpack.Encoder()

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


class CountsForm(Generic[C]):
    """Form of counts of one kind: 8 bytes each, and as many for when its reading began."""

    def __init__(self, key: ById, kind: type[C]) -> None:
        self.key = key
        self._kind: type[C] = kind
        self._counts = struct.Struct(f">{len(kind._fields)}Q")
        self._counted = struct.Struct(f">{2 * len(kind._fields)}Q")

    def value(self, counted: Counted[C]) -> bytes:
        return self._counted.pack(*counted.counts, *counted.all_began_us)

    def alone(self, value: bytes) -> C:
        """The counts of a value, whenever they were read."""
        return self._kind(*self._counts.unpack_from(value))

    def counted(self, value: bytes) -> Counted[C]:
        """The counts of a value, with when they were read."""
        return Counted(self.alone(value), self._counted.unpack(value)[len(self._kind._fields) :])


TWEET_COUNTS = CountsForm(keys.tweet_counts, TweetCounts)
USER_COUNTS = CountsForm(keys.user_counts, UserCounts)


def trends(found: Sequence[Trend]) -> bytes:
    """The trends of a place, best first."""
    return _encoder.encode(found)


trends_from = msgspec.msgpack.Decoder(list[Trend]).decode
"""The trends of `trends`."""
