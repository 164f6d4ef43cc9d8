"""The few facts on which processes agree."""

import random

from domain.errors import Overloaded
from domain.ids import WORKERS_MAX, UserId
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import cas, read, write
from storage.ports.coordination import RangeOwner, WorkerLease

_LEASES = read("SELECT worker, until_ms FROM worker_leases")
_TAKE_LEASE = cas("UPDATE worker_leases SET holder = ?, until_ms = ? WHERE worker = ? IF until_ms = ?")
_RENEW = cas("UPDATE worker_leases SET until_ms = ? WHERE worker = ? IF holder = ? AND until_ms <= ?")
_OWNERS = read("SELECT range, owner, epoch FROM range_owners")
_SET_OWNER = cas("UPDATE range_owners SET owner = ?, epoch = ? WHERE range = ? IF owner = ? AND epoch = ?")
_RAISE_EPOCH = cas("UPDATE epochs SET epoch = ? WHERE name = ? IF epoch = ?")
_MARK = read("SELECT value FROM checkpoints WHERE name = ?")
_SET_MARK = write("INSERT INTO checkpoints (name, value) VALUES (?, ?)")
_PULLED = read("SELECT author, since_ms FROM pulled WHERE part = 0", fetch_rows=5_000)
_PULL = write("INSERT INTO pulled (part, author, since_ms) VALUES (0, ?, ?)")
_PUSH_AGAIN = write("DELETE FROM pulled WHERE part = 0 AND author = ?")


class CassandraCoordinationStore:
    """Leases, owners and checkpoints, each in a row of its own; one that is not there compares as null."""

    def __init__(self, session: CassandraSession, *, workers: int = WORKERS_MAX) -> None:
        assert 1 <= workers <= WORKERS_MAX
        self._session = session
        self._workers = workers

    async def lease_worker(self, holder: str, now_ms: int, ttl_ms: int) -> WorkerLease:
        """Try the free numbers in a random order, so that processes that start together rarely meet."""
        held: dict[int, int] = dict(await self._session.execute(_LEASES))
        free = [worker for worker in range(self._workers) if held.get(worker, now_ms) <= now_ms]
        random.shuffle(free)
        until_ms = now_ms + ttl_ms
        for worker in free:
            after_ms = held.get(worker)
            taken, _ = await self._session.compare_and_set(_TAKE_LEASE, (holder, until_ms, worker, after_ms))
            if taken:
                return WorkerLease(worker, after_ms or 0, until_ms)
        raise Overloaded("worker leases", ttl_ms)

    async def renew_worker(self, holder: str, lease: WorkerLease, now_ms: int, ttl_ms: int) -> WorkerLease | None:
        """The end never moves back, though the clock may: ids up to it may exist."""
        until_ms = max(lease.until_ms, now_ms + ttl_ms)
        kept, found = await self._session.compare_and_set(_RENEW, (until_ms, lease.worker, holder, until_ms))
        if kept:
            return lease._replace(until_ms=until_ms)
        if found.get("holder") == holder:  # an earlier renewal reached further than its caller knows
            return lease._replace(until_ms=found["until_ms"])
        return None

    async def range_owners(self) -> dict[int, RangeOwner]:
        return {range_: RangeOwner(owner, epoch) for range_, owner, epoch in await self._session.execute(_OWNERS)}

    async def set_range_owner(self, range_: int, before: RangeOwner | None, owner: str) -> bool:
        old_owner, old_epoch = before or (None, None)
        params = (owner, (old_epoch or 0) + 1, range_, old_owner, old_epoch)
        done, _ = await self._session.compare_and_set(_SET_OWNER, params)
        return done

    async def next_epoch(self, name: str) -> int:
        held: int | None = None
        while True:
            epoch = (held or 0) + 1
            raised, found = await self._session.compare_and_set(_RAISE_EPOCH, (epoch, name, held))
            if raised:
                return epoch
            held = found["epoch"]

    async def checkpoint(self, name: str) -> int | None:
        for (value,) in await self._session.execute(_MARK, (name,)):
            return int(value)
        return None

    async def set_checkpoint(self, name: str, value: int) -> None:
        await self._session.execute(_SET_MARK, (name, value))

    async def pulled(self) -> dict[UserId, int]:
        return {UserId(author): since_ms for author, since_ms in await self._session.execute(_PULLED)}

    async def set_pulled(self, author: UserId, since_ms: int | None) -> None:
        if since_ms is None:
            await self._session.execute(_PUSH_AGAIN, (author,))
        else:
            await self._session.execute(_PULL, (author, since_ms))
