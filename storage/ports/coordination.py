"""The few facts on which processes must agree."""

from typing import NamedTuple, Protocol

from domain.ids import UserId


class WorkerLease(NamedTuple):
    """The right to make ids as one worker, for wall times in (after_ms, until_ms)."""

    worker: int
    after_ms: int
    until_ms: int


class RangeOwner(NamedTuple):
    """Ownership of a follower range by a shard; each change of owner has a higher epoch."""

    owner: str
    epoch: int


class CoordinationStore(Protocol):
    """The few facts on which processes must agree; every change is a compare-and-set."""

    async def lease_worker(self, holder: str, now_ms: int, ttl_ms: int) -> WorkerLease:
        """Take a worker number that nobody holds. Raises `Overloaded` if all are held."""

    async def renew_worker(self, holder: str, lease: WorkerLease, now_ms: int, ttl_ms: int) -> WorkerLease | None:
        """Prolong a lease; None if it was lost."""

    async def range_owners(self) -> dict[int, RangeOwner]:
        """The owner of each range that has one."""

    async def set_range_owner(self, range_: int, before: RangeOwner | None, owner: str) -> bool:
        """Give a range to a shard with the next epoch, if its owner is still `before`."""

    async def next_epoch(self, name: str) -> int:
        """An epoch above all that were given out under a name."""

    async def checkpoint(self, name: str) -> int | None:
        """A checkpoint, or None."""

    async def set_checkpoint(self, name: str, value: int) -> None:
        """Move a checkpoint."""

    async def pulled(self) -> dict[UserId, int]:
        """Pulled authors, with since when (wall ms)."""

    async def set_pulled(self, author: UserId, since_ms: int | None) -> None:
        """Put an author into the pulled set, or (None) take one out."""


DATA_CREATED_AT = "data_created_at"
"""The checkpoint: when the data began (wall ms); absent if that is not known."""
SUSPECT_UNTIL = "suspect_until"
"""The checkpoint: what was made up to this wall time (ms) may be in Cassandra and not in Redis."""
APPLIED = "applied"
"""The checkpoint: what was made before this wall time (ms) is in Redis, in every list and cached value there is."""
