"""Idempotency keys in memory."""

from domain.ids import UserId
from storage.ports.idempotency import Claim
from tests.memory.tables import Turn, no_faults


class MemoryIdempotencyStore:
    """`IdempotencyStore` of one process."""

    def __init__(self, turn: Turn = no_faults) -> None:
        self._turn = turn
        self._claims: dict[tuple[UserId, str], Claim] = {}

    async def claimed(self, user: UserId, key: str) -> Claim | None:
        await self._turn()
        return self._claims.get((user, key))

    async def claim(self, user: UserId, key: str, wanted: Claim) -> Claim:
        await self._turn()
        return self._claims.setdefault((user, key), wanted)
