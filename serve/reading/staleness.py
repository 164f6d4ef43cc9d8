"""Staleness guard: which events committed to Cassandra may be missing from Redis (decision 0023)."""

import asyncio
from collections import deque
from collections.abc import Sequence

from domain.clock import Clock, Sleep
from domain.errors import StoreUnavailable
from domain.ids import Ids, UserId
from domain.limits import Limits
from domain.timeline import NO_ENTRIES, EntryList
from serve.reading.recent_events import RecentEvents
from serve.reading.refresh_ahead import RefreshAhead, spawn_background
from storage.ports.cache import ListKey
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL, CoordinationStore
from storage.ports.events import EventStore
from telemetry import metrics
from telemetry.logs import logger

_NOTHING = EntryList(NO_ENTRIES, 0)
_AHEAD_MS = 1_000
"""By how much more than up to now Redis must be suspect, for clocks that are ahead of ours."""


class StalenessGuard:
    """Events made between the checkpoints `APPLIED` and `SUSPECT_UNTIL` may be in Cassandra and not in Redis.

    A replica that Redis fails moves `SUSPECT_UNTIL` into the future; the reconciler moves `APPLIED` after it. Every
    replica knows both as they stood `staleness_known_ms` ago at most. One that learns of suspect events shows nothing
    that Redis may lack, from Cassandra or merged into what Redis holds, before that time has passed: then all others
    know as well. So nobody is shown something by one replica and then not by another.
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
        self._recent = RecentEvents(events, clock, limits, partitions, sleep)
        self._checkpoints = RefreshAhead(
            self._read_checkpoints,
            clock,
            refresh_ms=limits.staleness_refresh_ms,
            stale_ms=limits.staleness_known_ms,
            trusted_ms=limits.staleness_trusted_ms,
        )
        self._suspect_until_ms = 0
        self._applied_ms = 0
        self._unread = False
        """Whether no events were read since Redis became suspect."""
        self._learned = deque[tuple[int, int]]()
        """Values of `SUSPECT_UNTIL` that not all others may know: when (monotonic) they will, and the value."""
        self._spread_ms = 0
        """The last value that all know."""
        self._reporting: asyncio.Task[None] | None = None

    @property
    def active(self) -> bool:
        """True while Redis may lack anything, as far as is known."""
        return self._suspect_until_ms > self._applied_ms

    async def refresh(self) -> None:
        """Read again what is too old, so that this request sees every event shown to others before.

        Raises `StoreUnavailable`.
        """
        await self._checkpoints.current()
        if self.active:
            await self._wait_for_others()
            await self._read_recent()

    def missing_entries(self, followees: Ids, viewer: UserId) -> EntryList:
        """The entries that a home timeline may lack, as of the last refresh."""
        if not self.active:
            return _NOTHING
        return EntryList(self._recent.entries(followees, viewer, self._known_to_all()), 0)

    def is_stale(self, key: str | ListKey) -> bool:
        """True if a value or list in Redis may be older than a suspect event, as of the last refresh."""
        return self.active and key in self._recent.stale

    def missing_acts(self, key: str) -> bytes:
        """Acts that may not be noted under a key, in the form in which they would be."""
        return self._recent.acts.get(key, b"") if self.active else b""

    def missing_changes(self) -> Sequence[str]:
        """The keys that the change feed may lack."""
        return self._recent.announced if self.active else ()

    async def report_failure(self) -> None:
        """Make it known that Redis has failed: return when every replica knows, so that Cassandra may be believed.

        Raises `StoreUnavailable` if they cannot be reached.
        """
        idle = self._reporting is None or self._reporting.done()
        if idle and self._suspect_until_ms - self._clock.now_ms() < self._limits.staleness_last_ms * 2 // 3:
            self._reporting = spawn_background(self._report())
        if not self._is_known_to_all():
            if self._reporting is not None and not self._reporting.done():
                await asyncio.shield(self._reporting)
            await self._wait_for_others()
            if not self._is_known_to_all():
                raise StoreUnavailable("cassandra", "it takes too long to report that redis failed")
        if self._unread:
            await self._read_recent()

    async def _read_recent(self) -> None:
        await self._recent.read(self._applied_ms)
        self._unread = False

    async def _report(self) -> None:
        until_ms = self._clock.now_ms() + self._limits.staleness_last_ms
        await self._coordination.set_checkpoint(SUSPECT_UNTIL, until_ms)
        metrics.SAFEGUARDS.record(safeguard="staleness")
        logger().warning("redis is suspect", until_ms=until_ms)
        await self._read_checkpoints()

    async def _read_checkpoints(self) -> None:
        until_ms = await self._coordination.checkpoint(SUSPECT_UNTIL) or 0
        if until_ms > self._applied_ms:
            self._applied_ms = max(self._applied_ms, await self._coordination.checkpoint(APPLIED) or 0)
        self._known_to_all()
        if until_ms > self._suspect_until_ms:
            self._unread = self._unread or not self.active
            self._suspect_until_ms = until_ms
            self._learned.append((self._clock.monotonic_ms() + self._limits.staleness_known_ms, until_ms))

    def _known_to_all(self) -> int:
        """The latest value of `SUSPECT_UNTIL` that every replica knows that is asked from now on."""
        while self._learned and self._learned[0][0] <= self._clock.monotonic_ms():
            _, self._spread_ms = self._learned.popleft()
        return self._spread_ms

    def _is_known_to_all(self) -> bool:
        """True if every replica suspects Redis of lacking what was made up to now."""
        return self._known_to_all() >= self._clock.now_ms() + _AHEAD_MS

    async def _wait_for_others(self) -> None:
        """Wait until all know that what was made up to now is suspect, or as much of it as we know."""
        while self._known_to_all() < self._suspect_until_ms and not self._is_known_to_all():
            await self._sleep((self._learned[0][0] - self._clock.monotonic_ms()) / 1000)
