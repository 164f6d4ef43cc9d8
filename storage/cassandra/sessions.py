"""Refresh tokens and their families.

A token's row is made and spent by lightweight transactions; a family's revocation is a row that outlives its tokens.
"""

import asyncio
from collections.abc import Sequence

from domain.ids import SessionId, UserId
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import cas, read, write
from storage.ports.sessions import SpentToken, TokenUse

TTL_S_MAX = 90 * 86_400
"""The longest life of a token: that of the row that revokes its family."""
_ISSUE = cas(
    "INSERT INTO refresh_tokens (token_hash, user_id, family, used) VALUES (?, ?, ?, false) IF NOT EXISTS USING TTL ?"
)
_TOKEN = read("SELECT user_id, family, used, TTL(used) FROM refresh_tokens WHERE token_hash = ?")
_SPEND = cas("UPDATE refresh_tokens USING TTL ? SET used = true WHERE token_hash = ? IF used = false")
_REVOKED = read("SELECT revoked FROM token_families WHERE family = ?")
_REVOKE = write("INSERT INTO token_families (family, revoked) VALUES (?, true)")


class CassandraTokenStore(CassandraAdapter):
    """Tokens by their hash, until they expire, spent or not."""

    async def issue(self, token_hash: str, user: UserId, family: SessionId, ttl_s: int) -> None:
        assert 0 < ttl_s <= TTL_S_MAX
        await self._session.compare_and_set(_ISSUE, (token_hash, user, str(family), ttl_s))

    async def spend(self, token_hash: str) -> SpentToken | None:
        rows = await self._session.execute(_TOKEN, (token_hash,))
        if not rows:
            return None
        user, text, used, ttl_s = rows[0]
        if not text.isdecimal():  # of the time when families had no numbers
            return None
        family = SessionId(int(text))
        if await self._is_revoked(family):
            return SpentToken(UserId(user), family, TokenUse.REVOKED)
        if not used:
            spent, found = await self._session.compare_and_set(_SPEND, (ttl_s, token_hash))
            if not spent and not found.get("used"):  # it expired just now
                return None
            used = not spent
        return SpentToken(UserId(user), family, TokenUse.REUSE if used else TokenUse.FIRST)

    async def revoke(self, family: SessionId) -> None:
        await self._session.execute(_REVOKE, (str(family),))

    async def revoked(self, families: Sequence[SessionId]) -> set[SessionId]:
        found = await asyncio.gather(*(self._is_revoked(family) for family in families))
        return {family for family, is_revoked in zip(families, found, strict=True) if is_revoked}

    async def _is_revoked(self, family: SessionId) -> bool:
        return bool(await self._session.execute(_REVOKED, (str(family),)))
