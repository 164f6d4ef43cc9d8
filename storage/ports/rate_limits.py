"""Token buckets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One token bucket: holds `capacity` tokens, refilled evenly over `period_s` seconds."""

    key: str
    capacity: int
    tokens: int
    """Tokens refilled per `period_s`."""
    period_s: int


class Allowance(NamedTuple):
    """The answer of the bucket that allows least."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Seconds until the bucket is full again."""
    retry_after_s: int
    """Seconds until a refused request would be granted; 0 if it was."""
    bucket: str
    """The key of that bucket."""


class RateLimiter(Protocol):
    """Token buckets shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        """Take one token of each bucket, or of none if any is empty. At least one bucket is given.

        Buckets whose keys share a hash tag (`{...}`) are taken from at once. Where others refuse, their tokens are back
        a moment later.
        """

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        """Put one token back into each bucket that has room for it."""
