"""Form of small values in Redis: packed big-endian integers, and trends as rows of MessagePack."""

import struct
from collections.abc import Mapping, Sequence
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
    """Counts, and for each the time up to which every act that was noted is in it, 0 if that is not known.

    Microseconds by the cache's clock: when its reading began, or when all that was in the log had been counted.
    """

    counts: C
    all_began_us: tuple[int, ...]

    @classmethod
    def at(cls, counts: C, began_us: int) -> "Counted[C]":
        """Counts that were all read together."""
        return cls(counts, (began_us,) * len(counts))

    def began_us(self, name: str) -> int:
        """The time at which the reading of one of them began."""
        return self.all_began_us[self.counts._fields.index(name)]


class CountsForm(Generic[C]):
    """Form of counts of one kind: 8 bytes each, and as many for when its reading began."""

    def __init__(self, key: ById, kind: type[C]) -> None:
        self.key = key
        self.names: tuple[str, ...] = kind._fields
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

    def renewed(self, value: bytes | None, sizes: Mapping[str, tuple[int, int | None]]) -> bytes:
        """A value, or none yet, with some counts and their times instead of what it held; a time of None stays."""
        held = Counted.at(self._kind(), 0) if value is None else self.counted(value)
        counts, times = held.counts._asdict(), dict(zip(self.names, held.all_began_us, strict=True))
        for name, (size, began_us) in sizes.items():
            counts[name] = size
            times[name] = times[name] if began_us is None else began_us
        return self._counted.pack(*counts.values(), *times.values())


TWEET_COUNTS = CountsForm(keys.tweet_counts, TweetCounts)
USER_COUNTS = CountsForm(keys.user_counts, UserCounts)


def trends(found: Sequence[Trend]) -> bytes:
    """The trends of a place, best first."""
    return _encoder.encode(found)


trends_from = msgspec.msgpack.Decoder(list[Trend]).decode
"""The trends of `trends`."""
