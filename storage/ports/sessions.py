"""Refresh tokens and the sessions that they are."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.ids import SessionId, UserId


class TokenUse(StrEnum):
    """Outcome of using a refresh token."""

    FIRST = "first"
    REUSE = "reuse"
    """It had been used before: a thief and its owner cannot be told apart (RFC 9700, 4.14.2)."""
    REVOKED = "revoked"
    """Its family had ended, whether or not it had been used."""


class SpentToken(NamedTuple):
    """A refresh token that was just used; only its hash is stored."""

    user: UserId
    family: SessionId
    use: TokenUse


class TokenStore(Protocol):
    """Refresh tokens, each used once; those that follow from one log-in are a family, which is the session."""

    async def issue(self, token_hash: str, user: UserId, family: SessionId, ttl_s: int) -> None:
        """Store a token of a new or living family."""

    async def spend(self, token_hash: str) -> SpentToken | None:
        """Use a token. None if it is unknown or expired; of several who use one at once, one is the `FIRST`."""

    async def revoke(self, family: SessionId) -> None:
        """End a family: none of its tokens is worth anything from the return on."""

    async def revoked(self, families: Sequence[SessionId]) -> set[SessionId]:
        """Those of some families that have ended by being revoked."""
