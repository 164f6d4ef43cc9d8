"""Idempotency keys: the first request to claim one decides what it stands for."""

from domain.ids import UserId
from storage.cassandra.session import CassandraSession
from storage.cassandra.statements import cas
from storage.ports import Claim

_CLAIM = cas("INSERT INTO idempotency (user_id, key, body_hash, id) VALUES (?, ?, ?, ?) IF NOT EXISTS")


class CassandraIdempotencyStore:
    """Claims that end by themselves after 24 hours, the table's time to live."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def claim(self, user: UserId, key: str, wanted: Claim) -> Claim:
        taken, found = await self._session.compare_and_set(_CLAIM, (user, key, wanted.body_hash, wanted.id))
        return wanted if taken else Claim(found["body_hash"], found["id"])
