"""The tokens of sessions: an access token, and a refresh token that is used once.

Access tokens are JSON Web Tokens, checked as RFC 8725 asks: one algorithm (ES256), one issuer, one audience.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cachetools import FIFOCache

from domain.clock import Clock
from domain.errors import Unauthorized
from domain.ids import ID_MAX, SessionId, UserId, time_ms
from serve.accounts.key_ring import ALGORITHM, KeyRing
from serve.http.sessions import Session
from storage.ports.sessions import SpentToken, TokenStore

TTL_S: Final = 900
SESSION_S: Final = 365 * 86_400
"""Life of a session from its log-in, however often its tokens are renewed."""
ISSUER: Final = "murmur"
AUDIENCE: Final = "murmur-api"
REFRESH_TTL_S: Final = 30 * 86_400
_SECRET_BYTES: Final = 32
_TOKEN_CHARS_MAX: Final = 2_048
_CHECKED_MAX: Final = 10_000


class AccessTokens:
    """Issues and checks access tokens.

    A signature costs 0.1 ms to check, so tokens found good are remembered until they expire or the keys change.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._keys = ring.current()
        self._checked: FIFOCache[str, tuple[Session, int]] = FIFOCache(_CHECKED_MAX)

    def issue(self, user: UserId, family: SessionId, ttl_s: int = TTL_S) -> str:
        """A token that is good for `ttl_s` seconds."""
        now_s = self._clock.now_ms() // 1000
        subject = {"sub": str(user), "sid": str(family)}
        claims = {"iss": ISSUER, "aud": AUDIENCE, **subject, "iat": now_s, "exp": now_s + ttl_s}
        key = self._ring.signer()
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str) -> Session:
        """The session of a token. Raises `Unauthorized` (`invalid_token`, `expired_token`)."""
        if (keys := self._ring.current()) is not self._keys:  # what was signed by a key that is gone is good no more
            self._keys = keys
            self._checked.clear()
        known = self._checked.get(token)
        if known is None:
            known = self._checked[token] = self._read(token)
        session, expires_s = known
        if self._clock.now_ms() >= expires_s * 1000:
            self._checked.pop(token, None)
            raise Unauthorized("The access token has expired.", "expired_token")
        return session

    def named(self, token: str) -> Session:
        """The session that a token names, expired or not: enough to end it. Raises `Unauthorized` (`invalid_token`)."""
        return self._read(token)[0]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys, newest first, for others who want to check tokens (RFC 7517)."""
        return {"keys": [key.jwk for key in reversed(self._ring.current())]}

    def _read(self, token: str) -> tuple[Session, int]:
        if len(token) > _TOKEN_CHARS_MAX:
            raise _invalid()
        try:
            key = self._ring.find(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise _invalid()
            claims: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                # Times are compared by our own clock, in `verify`.
                options={
                    "require": ["iss", "aud", "sub", "sid", "iat", "exp"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError:
            raise _invalid() from None
        subject, family, issued_s, expires_s = (claims[name] for name in ("sub", "sid", "iat", "exp"))
        if type(issued_s) is not int or type(expires_s) is not int:  # True is an `int` too
            raise _invalid()
        return Session(UserId(_id(subject)), SessionId(_id(family))), expires_s


def _id(claim: object) -> int:
    """An id as we write it into a token."""
    if isinstance(claim, str) and len(claim) < 20 and claim.isascii() and claim.isdecimal() and int(claim) <= ID_MAX:
        return int(claim)
    raise _invalid()


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not one of ours.", "invalid_token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens with which a client stays logged in."""

    access_token: str
    token_type: str
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
        left_s = (time_ms(family) + SESSION_S * 1000 - self._clock.now_ms()) // 1000
        if left_s <= 0:
            raise invalid_refresh_token()
        refresh_token, access_s = secrets.token_urlsafe(_SECRET_BYTES), min(TTL_S, left_s)
        await self._store.issue(_hashed(refresh_token), user, family, min(REFRESH_TTL_S, left_s))
        return Tokens(
            access_token=self._access.issue(user, family, access_s),
            token_type="Bearer",
            expires_in=access_s,
            refresh_token=refresh_token,
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
