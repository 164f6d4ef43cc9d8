"""Refresh tokens and their families in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.clock import Clock
from domain.ids import SessionId, UserId
from storage.ports.sessions import SpentToken, TokenUse
from tests.memory.tables import Turn, no_faults


@dataclass(slots=True)
class _Token:
    user: UserId
    family: SessionId
    ends_ms: int
    used: bool = False


class MemoryTokenStore:
    """`TokenStore` of one process."""

    def __init__(self, clock: Clock, turn: Turn = no_faults) -> None:
        self._clock = clock
        self._turn = turn
        self._tokens: dict[str, _Token] = {}
        self._revoked: set[SessionId] = set()

    async def issue(self, token_hash: str, user: UserId, family: SessionId, ttl_s: int) -> None:
        await self._turn()
        self._tokens.setdefault(token_hash, _Token(user, family, self._clock.now_ms() + ttl_s * 1000))

    async def spend(self, token_hash: str) -> SpentToken | None:
        await self._turn()
        token = self._tokens.get(token_hash)
        if token is None or token.ends_ms <= self._clock.now_ms():
            return None
        if token.family in self._revoked:
            return SpentToken(token.user, token.family, TokenUse.REVOKED)
        use = TokenUse.REUSE if token.used else TokenUse.FIRST
        token.used = True
        return SpentToken(token.user, token.family, use)

    async def revoke(self, family: SessionId) -> None:
        await self._turn()
        self._revoked.add(family)

    async def revoked(self, families: Sequence[SessionId]) -> set[SessionId]:
        await self._turn()
        return self._revoked & set(families)
