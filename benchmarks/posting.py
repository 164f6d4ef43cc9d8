"""Tweets for the log as posts would put them there, and the pace at which they come."""

import asyncio
import time
from collections.abc import AsyncIterator

from domain.clock import SystemClock
from domain.events import TweetPosted
from domain.ids import EventId, IdGenerator, UserId, stamp_us

_END_MS = 1 << 62
_TEXT = "The tide comes in at seven, and the boats go out with it."


class TweetEvents:
    """Makes the events of new tweets, with ids under no lease: for stores where nobody else makes any."""

    def __init__(self) -> None:
        self._ids = IdGenerator(0, SystemClock(), after_ms=0, until_ms=_END_MS, lease_ends_ms=_END_MS)

    def by(self, author: UserId) -> TweetPosted:
        """An author's next tweet."""
        id_ = self._ids.next()
        return TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=author, text=_TEXT)


async def paced(number: int, per_s: float) -> AsyncIterator[int]:
    """The numbers from 0 on, each when its time has come: a load that does not wait for who is slow."""
    begun_s = time.perf_counter()
    for at in range(number):
        await asyncio.sleep(max(0.0, begun_s + at / per_s - time.perf_counter()))
        yield at
