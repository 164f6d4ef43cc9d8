"""Ids: 64 bits, ordered by time, and where each id lives.

Bits, high to low: 1 zero, 41 milliseconds since EPOCH_MS, 10 worker, 12 sequence (Twitter's Snowflake, 2010).
"""

from typing import NewType, Protocol

import numpy as np
import numpy.typing as npt

from domain.clock import Clock
from domain.errors import LeaseExpired

UserId = NewType("UserId", int)
TweetId = NewType("TweetId", int)
EventId = NewType("EventId", int)
SessionId = NewType("SessionId", int)
"""A session, which a log-in began; the time in it is that of the log-in."""
Ids = npt.NDArray[np.uint64]
"""Ids as an array; every array of ids in the engine has this type."""

EPOCH_MS = 1_735_689_600_000
"""2025-01-01T00:00:00Z."""
WORKER_BITS = 10
SEQUENCE_BITS = 12
WORKERS_MAX = 1 << WORKER_BITS
SEQUENCE_MAX = 1 << SEQUENCE_BITS
ID_MAX = (1 << 63) - 1

RANGES = 64
"""Follower ranges; a fan-out shard owns some of them. Fixed: it is part of every timeline's key."""
RANGES_PER_BUCKET = 8
FOLLOWER_BUCKETS = RANGES // RANGES_PER_BUCKET
ENGAGEMENT_BUCKETS = 4
"""Partitions over which the likes or retweets of one tweet are spread."""

COUNT_PARTS = 16
"""Parts of all tweets and users, by whose counts they are; each of the counters takes some of them."""

_FIBONACCI = 0x9E3779B97F4A7C15
"""2**64 / golden ratio: multiplicative hashing (Knuth, TAOCP 3, 6.4), the top bits are the hash."""


def time_ms(id_: int) -> int:
    """The wall time at which an id was made, milliseconds since the Unix epoch."""
    return (id_ >> (WORKER_BITS + SEQUENCE_BITS)) + EPOCH_MS


def times_ms(ids: Ids) -> npt.NDArray[np.int64]:
    """`time_ms` for many ids at once."""
    return (ids >> np.uint64(WORKER_BITS + SEQUENCE_BITS)).astype(np.int64) + EPOCH_MS


def first_id_at(now_ms: int) -> int:
    """The smallest id that can be made at or after a wall time."""
    return max(0, now_ms - EPOCH_MS) << (WORKER_BITS + SEQUENCE_BITS)


def stamp_us(id_: int) -> int:
    """The write timestamp of what an id creates, microseconds since the Unix epoch."""
    return time_ms(id_) * 1000 + (id_ & (SEQUENCE_MAX - 1)) % 1000


def stamp_above_us(id_: int, written_us: int, now_ms: int) -> int:
    """The same of what an id changes: it is above what was written before, whatever the clocks say."""
    return max(stamp_us(id_), written_us + 1, now_ms * 1000)


def _mixed(id_: int) -> int:
    return (id_ * _FIBONACCI) & 0xFFFF_FFFF_FFFF_FFFF


def range_of(user: int) -> int:
    """The follower range, 0 ≤ range < RANGES, to which a user belongs."""
    return _mixed(user) >> 58


def ranges_of(users: Ids) -> npt.NDArray[np.uint8]:
    """`range_of` for many users at once."""
    return ((users * np.uint64(_FIBONACCI)) >> np.uint64(58)).astype(np.uint8)


def follower_bucket(range_: int) -> int:
    """The bucket of eight ranges in which the followers of one range are stored."""
    return range_ // RANGES_PER_BUCKET


def engagement_bucket(user: int) -> int:
    """The partition of a tweet's likes or retweets that holds a user's."""
    return _mixed(user) >> 62


def count_part(subject: int) -> int:
    """The part, 0 ≤ part < COUNT_PARTS, to which the counts of a tweet or user belong."""
    return _mixed(subject) >> 60


def log_partition(user: int, partitions: int) -> int:
    """The partition of the event log that carries a user's events."""
    return (_mixed(user) >> 32) % partitions


class IdSource(Protocol):
    """Makes ids that grow: an `IdGenerator`, or one under a lease that is renewed."""

    def next(self) -> int:
        """The next id. Raises `LeaseExpired`."""


class IdGenerator:
    """Makes ids that grow, for one leased worker number.

    Never makes an id twice: on a backward clock it goes on from the last millisecond, after 4,096 ids in
    one millisecond from the next, and past `until_ms` (the wall time granted by the lease) it refuses.
    """

    def __init__(self, worker: int, clock: Clock, *, after_ms: int, until_ms: int, lease_ends_ms: int) -> None:
        """Start for a lease: ids lie in (after_ms, until_ms), until `lease_ends_ms` of the monotonic clock."""
        assert 0 <= worker < WORKERS_MAX
        self.worker = worker
        self._clock = clock
        self._last_ms = max(after_ms, EPOCH_MS)
        self._sequence = SEQUENCE_MAX - 1
        self._until_ms = until_ms
        self._lease_ends_ms = lease_ends_ms

    def extend(self, *, until_ms: int, lease_ends_ms: int) -> None:
        """Take over the bounds of a renewed lease."""
        self._until_ms, self._lease_ends_ms = until_ms, lease_ends_ms

    def next(self) -> int:
        """The next id. Raises `LeaseExpired` when the lease does not cover it."""
        now_ms = self._clock.now_ms()
        if now_ms > self._last_ms:
            self._last_ms, self._sequence = now_ms, 0
        elif self._sequence + 1 < SEQUENCE_MAX:
            self._sequence += 1
        else:
            self._last_ms, self._sequence = self._last_ms + 1, 0
        if self._last_ms >= self._until_ms or self._clock.monotonic_ms() >= self._lease_ends_ms:
            raise LeaseExpired(self.worker)
        elapsed = self._last_ms - EPOCH_MS
        return (elapsed << (WORKER_BITS + SEQUENCE_BITS)) | (self.worker << SEQUENCE_BITS) | self._sequence
