"""Idempotency keys: the first request to claim one decides what it stands for."""

from domain.ids import UserId
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import cas, read
from storage.ports.idempotency import Claim

_CLAIMED = read("SELECT body_hash, id FROM idempotency WHERE user_id = ? AND key = ?")
_CLAIM = cas("INSERT INTO idempotency (user_id, key, body_hash, id) VALUES (?, ?, ?, ?) IF NOT EXISTS")


class CassandraIdempotencyStore(CassandraAdapter):
    """Claims that end by themselves after 24 hours, the table's time to live."""

    async def claimed(self, user: UserId, key: str) -> Claim | None:
        rows = await self._session.execute(_CLAIMED, (user, key))
        return Claim(*rows[0]) if rows else None

    async def claim(self, user: UserId, key: str, wanted: Claim) -> Claim:
        taken, found = await self._session.compare_and_set(_CLAIM, (user, key, wanted.body_hash, wanted.id))
        return wanted if taken else Claim(found["body_hash"], found["id"])
