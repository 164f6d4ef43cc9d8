"""Ids for one process, under a worker number that it leases, and may keep leasing."""

import asyncio
import uuid
from contextlib import suppress

from domain.clock import Clock, Sleep
from domain.errors import LeaseExpired, Overloaded, StoreUnavailable
from domain.ids import IdGenerator
from storage.ports.coordination import CoordinationStore, WorkerLease
from telemetry.logs import logger

LEASE_MS = 30_000


class LeasedIds:
    """Makes ids while the lease lasts; renewed three times per lease, taken anew when it was lost."""

    def __init__(self, coordination: CoordinationStore, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._keeping: asyncio.Task[None] | None = None
        self._coordination = coordination
        self._clock = clock
        self._holder = uuid.uuid4().hex
        self._lease: WorkerLease | None = None
        self._generator: IdGenerator | None = None

    def next(self) -> int:
        """The next id. Raises `LeaseExpired` while there is no lease."""
        if self._generator is None:
            raise LeaseExpired(-1)
        return self._generator.next()

    async def next_leased(self) -> int:
        """The next id, under a lease that is taken anew if there is none. Raises as `renew` does."""
        with suppress(LeaseExpired):
            return self.next()
        await self.renew()
        return self.next()

    async def renew(self) -> None:
        """Prolong the lease, or take one. Raises `StoreUnavailable` and `Overloaded`."""
        # The lease ends, by our own steady clock, no later than counted from before it was asked for.
        began_ms = self._clock.monotonic_ms()
        ends_ms = began_ms + LEASE_MS
        now_ms = self._clock.now_ms()
        if self._lease is not None and self._generator is not None:
            renewed = await self._coordination.renew_worker(self._holder, self._lease, now_ms, LEASE_MS)
            if renewed is not None:
                self._lease = renewed
                self._generator.extend(until_ms=renewed.until_ms, lease_ends_ms=ends_ms)
                return
            self._generator = None
            logger().warning("worker lease lost", worker=self._lease.worker)
        lease = self._lease = await self._coordination.lease_worker(self._holder, now_ms, LEASE_MS)
        self._generator = IdGenerator(
            lease.worker, self._clock, after_ms=lease.after_ms, until_ms=lease.until_ms, lease_ends_ms=ends_ms
        )

    async def begin(self) -> None:
        """Take a lease and keep it until `end`. Raises as `renew` does."""
        await self.renew()
        self._keeping = asyncio.create_task(self._keep())

    def check(self) -> None:
        """Raise what ended the keeping, if anything did: soon there will be no more ids."""
        if self._keeping is not None and self._keeping.done():
            self._keeping.result()

    def end(self) -> None:
        """Let the lease run out."""
        if self._keeping is not None:
            self._keeping.cancel()

    async def _keep(self) -> None:
        while True:
            await self._sleep(LEASE_MS / 3000)
            try:
                await self.renew()
            except (StoreUnavailable, Overloaded) as error:
                logger().warning("worker lease not renewed, will try again", error=str(error))
