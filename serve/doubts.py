"""Whether Redis may lack what was committed lately, and what that is; every replica knows."""

import asyncio
from collections import deque

from domain.clock import Clock, Sleep
from domain.errors import StoreUnavailable
from domain.ids import Ids, UserId
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, EntryList
from serve.refreshed import Refreshed, beside
from serve.tail import Tail
from storage.own_acts import OwnCount
from storage.ports.cache import ListKey
from storage.ports.coordination import APPLIED, DOUBTED, CoordinationStore
from storage.ports.events import EventStore
from telemetry import metrics
from telemetry.logs import logger

_NOTHING = EntryList(NO_ENTRIES, 0)
_AHEAD_MS = 1_000
"""By how much more than up to now there must be doubts, for clocks that are ahead of ours."""


class Doubts:
    """What was made between the marks `APPLIED` and `DOUBTED` may be in the store and not in Redis.

    Whom Redis fails moves `DOUBTED` into the future; the reconciler moves `APPLIED` after it. Everybody knows the marks
    as they stood `doubts_known_ms` ago at most. Who learns of doubts shows nothing that Redis may lack, from the store
    or by laying the events in doubt over what Redis holds, before that time has passed: then all others know as well.
    So nobody is shown something by one replica and then not by another (decision 0023).
    """

    def __init__(
        self,
        events: EventStore,
        coordination: CoordinationStore,
        clock: Clock,
        limits: Limits,
        partitions: int,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._coordination = coordination
        self._clock = clock
        self._limits = limits
        self._sleep = sleep
        self._tail = Tail(events, clock, limits, partitions, sleep)
        self._marks = Refreshed(
            self._read_marks,
            clock,
            refresh_ms=limits.doubts_refresh_ms,
            stale_ms=limits.doubts_known_ms,
            trusted_ms=limits.doubts_trusted_ms,
        )
        self._doubted_ms = 0
        self._settled_ms = 0
        self._learned = deque[tuple[int, int]]()
        """Values of `DOUBTED` that not all others may know: when (monotonic) they will, and the value."""
        self._spread_ms = 0
        """The last value that all know."""
        self._telling: asyncio.Task[None] | None = None

    @property
    def hold(self) -> bool:
        """Whether there are doubts, as far as is known."""
        return self._doubted_ms > self._settled_ms

    async def look(self) -> None:
        """Know what whoever asks now must know. Raises `StoreUnavailable`."""
        await self._marks.current()
        if self.hold:
            await self._wait_for_others()
            await self._tail.read(self._settled_ms)

    def added(self, followees: Ids, viewer: UserId) -> EntryList:
        """The entries in doubt that belong into a home timeline, as of the last look."""
        if not self.hold:
            return _NOTHING
        return EntryList(self._tail.entries(followees, viewer, self._known_to_all()), 0)

    def about(self, kept: str | ListKey | OwnCount) -> bool:
        """Whether a value, a list or an own count in Redis may be older than an event in doubt, as of the last look."""
        return self.hold and self._tail.makes_stale(kept)

    async def rise(self) -> None:
        """Redis has failed: return when everybody knows, so that the store may be believed instead.

        Raises `StoreUnavailable` if they cannot be told.
        """
        told = self._telling is None or self._telling.done()
        if told and self._doubted_ms - self._clock.now_ms() < self._limits.doubts_last_ms * 2 // 3:
            self._telling = beside(self._tell_others())
        if self._is_known_to_all():
            return
        if self._telling is not None and not self._telling.done():
            await asyncio.shield(self._telling)
        await self._wait_for_others()
        if not self._is_known_to_all():
            raise StoreUnavailable("cassandra", "it takes too long to tell others of doubts")

    async def _tell_others(self) -> None:
        doubted_ms = self._clock.now_ms() + self._limits.doubts_last_ms
        await self._coordination.set_checkpoint(DOUBTED, doubted_ms)
        metrics.SAFEGUARDS.record(safeguard="doubts")
        logger().warning("redis is doubted", until_ms=doubted_ms)
        await self._read_marks()

    async def _read_marks(self) -> None:
        doubted_ms = await self._coordination.checkpoint(DOUBTED) or 0
        if doubted_ms > self._settled_ms:
            self._settled_ms = max(self._settled_ms, await self._coordination.checkpoint(APPLIED) or 0)
        self._learn(doubted_ms)

    def _learn(self, doubted_ms: int) -> None:
        self._known_to_all()
        if doubted_ms > self._doubted_ms:
            self._doubted_ms = doubted_ms
            self._learned.append((self._clock.monotonic_ms() + self._limits.doubts_known_ms, doubted_ms))

    def _known_to_all(self) -> int:
        """The latest value of `DOUBTED` that everybody knows who is asked from now on."""
        while self._learned and self._learned[0][0] <= self._clock.monotonic_ms():
            _, self._spread_ms = self._learned.popleft()
        return self._spread_ms

    def _is_known_to_all(self) -> bool:
        """Whether everybody knows of doubts about what was made up to now."""
        return self._known_to_all() >= self._clock.now_ms() + _AHEAD_MS

    async def _wait_for_others(self) -> None:
        """Wait until all know of doubts about what was made up to now, or of as many as we do."""
        while self._known_to_all() < self._doubted_ms and not self._is_known_to_all():
            await self._sleep((self._learned[0][0] - self._clock.monotonic_ms()) / 1000)
