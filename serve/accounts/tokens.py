"""The tokens of a session: an access token, and a refresh token that is used once."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from domain.clock import Clock
from domain.errors import Unauthorized
from domain.ids import SessionId, UserId
from serve.accounts.sessions import TTL_S, AccessTokens, seconds_left
from storage.ports.sessions import SpentToken, TokenStore

REFRESH_TTL_S: Final = 30 * 86_400
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens with which a client stays logged in; the refresh token is used once."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    """Seconds."""
    refresh_token: str


class SessionTokens:
    """Issues the tokens of a session, and spends refresh tokens."""

    def __init__(self, store: TokenStore, access: AccessTokens, clock: Clock) -> None:
        self._store = store
        self._access = access
        self._clock = clock

    async def issue(self, user: UserId, family: SessionId) -> Tokens:
        """New tokens of a session. Raises `Unauthorized` for one that has lasted as long as any may."""
        left_s = seconds_left(family, self._clock.now_ms())
        if left_s <= 0:
            raise invalid_refresh_token()
        refresh_token, access_s = secrets.token_urlsafe(_SECRET_BYTES), min(TTL_S, left_s)
        await self._store.issue(_hashed(refresh_token), user, family, min(REFRESH_TTL_S, left_s))
        return Tokens(
            access_token=self._access.issue(user, family, access_s), expires_in=access_s, refresh_token=refresh_token
        )

    async def spend(self, refresh_token: str) -> SpentToken | None:
        """Use up a refresh token, and find what it was worth; None for an unknown one."""
        return await self._store.spend(_hashed(refresh_token))


def invalid_refresh_token() -> Unauthorized:
    """The error for a refresh token that is worth nothing."""
    return Unauthorized("The refresh token is unknown, used or revoked.", "invalid_refresh_token")


def _hashed(token: str) -> str:
    """Hash that is stored of a token, which is random enough for a plain one."""
    return hashlib.sha256(token.encode()).hexdigest()
