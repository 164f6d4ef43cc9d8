"""What this process remembers of Redis failing it."""

from domain.clock import Clock

DOUBT_MS = 15_000
"""Longer than the reconciler takes to append what was committed meanwhile."""


class Doubts:
    """Whether Redis may lack what was written lately: it did not answer, and came back as it was.

    One's own tweets, what one did, whom one follows and whether a tweet is there then come from the store, so that
    people read their own writes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until_ms = 0

    @property
    def hold(self) -> bool:
        """Whether Redis failed a short while ago."""
        return self._clock.monotonic_ms() < self._until_ms

    def note(self) -> None:
        """Redis has failed."""
        self._until_ms = self._clock.monotonic_ms() + DOUBT_MS
