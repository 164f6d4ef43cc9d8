"""Worker groups: when one worker of a dataflow dies all are ended, and started again from the last snapshot."""

from collections.abc import Sequence
from typing import Protocol

from domain.clock import Clock
from telemetry import metrics
from telemetry.logs import logger

_START_MS_MAX = 30_000
"""A set of workers that does not run by then hangs: one that waits for a peer waits for ever."""
_SILENT_MS_MAX = 10_000
_STOP_S = 5.0
_BACK_OFF_MS = (0, 500, 1_000, 2_000, 5_000, 10_000)
_STEADY_MS = 30_000
"""After running for so long, the next failure is a first one."""
_FAILURES_MAX = 3
"""After so many in a row it may be the snapshots that nobody can go on from: without them all is read again."""


class WorkerStatus(Protocol):
    """The status of a worker."""

    @property
    def running(self) -> bool:
        """True while its dataflow runs."""
        ...

    @property
    def error(self) -> str:
        """The reason why it ended; empty while it has not."""
        ...


class WorkerGroup(Protocol):
    """The workers of one dataflow, of which none can go on without the others."""

    async def start(self, workers: int, *, fresh: bool) -> None:
        """Make so many workers and let them begin together, from the last snapshot unless `fresh`.

        Raises `StoreUnavailable` if that cannot be done now.
        """
        ...

    async def statuses(self) -> Sequence[WorkerStatus | None]:
        """The status of each; None for one that does not answer."""
        ...

    async def stop(self, timeout_s: float) -> None:
        """End all in order, each with a last snapshot; those that take too long are killed."""
        ...

    async def kill(self) -> None:
        """End all, however stuck, those of an earlier life included; on return none of them runs."""
        ...


class WorkerGroupSupervisor:
    """Keeps a worker group running, of the desired size."""

    def __init__(self, group: WorkerGroup, workers: int, clock: Clock) -> None:
        self.desired = workers
        self._group = group
        self._clock = clock
        self._size = 0
        self._started_ms = 0
        self._silent_since_ms: int | None = None
        self._ran = False
        self._failures = 0
        """Groups in a row that ended soon after they had started."""
        self._unstarted = 0
        """Starts in a row that could not be made."""
        self._next_start_ms = 0

    @property
    def running(self) -> int:
        """The number of workers that run; 0 unless all of them did when they were last asked."""
        return self._size if self._ran else 0

    def unmet(self, workers: int) -> list[str]:
        """Sentences on what is not yet so; none when so many workers run."""
        if self.desired == self.running == workers:
            return []
        return [f"{self.running} of {workers} workers of trends run"]

    async def step(self) -> None:
        """Look at the group once, and act on it."""
        if self._size and self._size != self.desired:
            logger().info("the dataflow changes its number of workers", before=self._size, after=self.desired)
            await self.stop()
        if not self._size:
            await self._start()
        elif (why := await self._trouble()) is not None:
            await self._give_up(why)

    async def stop(self) -> None:
        """End the group, in order if it runs: what has not begun has nothing to write down."""
        if self._ran:
            await self._group.stop(_STOP_S)
        else:
            await self._group.kill()
        self._size, self._ran, self._failures = 0, False, 0

    async def _start(self) -> None:
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._next_start_ms:
            return
        await self._group.kill()
        fresh = self._failures == _FAILURES_MAX
        if fresh:
            logger().warning("the dataflow's snapshots are given up", failures=self._failures)
        self._unstarted = min(self._unstarted + 1, len(_BACK_OFF_MS) - 1)
        self._next_start_ms = now_ms + _BACK_OFF_MS[self._unstarted]
        await self._group.start(self.desired, fresh=fresh)
        self._unstarted, self._next_start_ms = 0, now_ms
        self._size, self._started_ms = self.desired, self._clock.monotonic_ms()
        self._ran, self._silent_since_ms = False, None
        logger().info("dataflow workers started", workers=self._size)

    async def _trouble(self) -> str | None:
        """The reason why the group cannot go on, if so."""
        statuses = await self._group.statuses()
        now_ms = self._clock.monotonic_ms()
        if errors := [status.error for status in statuses if status is not None and status.error]:
            return errors[0]
        if None in statuses:
            self._silent_since_ms = now_ms if self._silent_since_ms is None else self._silent_since_ms
            return "a worker does not answer" if now_ms - self._silent_since_ms >= _SILENT_MS_MAX else None
        self._silent_since_ms = None
        self._ran = all(status.running for status in statuses if status is not None)
        if not self._ran and now_ms - self._started_ms >= _START_MS_MAX:
            return "the start hangs"
        return None

    async def _give_up(self, why: str) -> None:
        now_ms = self._clock.monotonic_ms()
        steady = self._ran and now_ms - self._started_ms >= _STEADY_MS
        self._failures = 0 if steady else min(self._failures + 1, len(_BACK_OFF_MS) - 1)
        self._next_start_ms = now_ms + _BACK_OFF_MS[self._failures]
        metrics.FLOW_RESTARTS.record()
        logger().warning("the dataflow starts again", why=why, failures=self._failures)
        self._ran, self._size = False, 0
        await self._group.kill()
