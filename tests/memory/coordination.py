"""Leases, owners of ranges, checkpoints and pulled authors in memory."""

from domain.errors import Overloaded
from domain.ids import WORKERS_MAX, UserId
from storage.ports.coordination import RangeOwner, WorkerLease
from tests.memory.tables import Turn, no_faults


class MemoryCoordinationStore:
    """Leases, owners and checkpoints; each call is one step after its turn, as a compare-and-set is."""

    def __init__(self, turn: Turn = no_faults, *, workers: int = WORKERS_MAX) -> None:
        assert 1 <= workers <= WORKERS_MAX
        self._turn = turn
        self._workers = workers
        self._leases: dict[int, tuple[str, int]] = {}
        self._owners: dict[int, RangeOwner] = {}
        self._epochs: dict[str, int] = {}
        self._checkpoints: dict[str, int] = {}
        self._pulled: dict[UserId, int] = {}

    async def lease_worker(self, holder: str, now_ms: int, ttl_ms: int) -> WorkerLease:
        await self._turn()
        for worker in range(self._workers):
            _, after_ms = self._leases.get(worker, ("", 0))
            if after_ms <= now_ms:
                self._leases[worker] = (holder, now_ms + ttl_ms)
                return WorkerLease(worker, after_ms, now_ms + ttl_ms)
        raise Overloaded("worker leases", ttl_ms)

    async def renew_worker(self, holder: str, lease: WorkerLease, now_ms: int, ttl_ms: int) -> WorkerLease | None:
        await self._turn()
        held_by, until_ms = self._leases.get(lease.worker, ("", 0))
        if held_by != holder:
            return None
        until_ms = max(until_ms, lease.until_ms, now_ms + ttl_ms)
        self._leases[lease.worker] = (holder, until_ms)
        return lease._replace(until_ms=until_ms)

    async def range_owners(self) -> dict[int, RangeOwner]:
        await self._turn()
        return dict(self._owners)

    async def set_range_owner(self, range_: int, before: RangeOwner | None, owner: str) -> bool:
        await self._turn()
        if self._owners.get(range_) != before:
            return False
        self._owners[range_] = RangeOwner(owner, before.epoch + 1 if before is not None else 1)
        return True

    async def next_epoch(self, name: str) -> int:
        await self._turn()
        self._epochs[name] = self._epochs.get(name, 0) + 1
        return self._epochs[name]

    async def checkpoint(self, name: str) -> int | None:
        await self._turn()
        return self._checkpoints.get(name)

    async def set_checkpoint(self, name: str, value: int) -> None:
        await self._turn()
        self._checkpoints[name] = value

    async def pulled(self) -> dict[UserId, int]:
        await self._turn()
        return dict(self._pulled)

    async def set_pulled(self, author: UserId, since_ms: int | None) -> None:
        await self._turn()
        if since_ms is None:
            self._pulled.pop(author, None)
        else:
            self._pulled[author] = since_ms
