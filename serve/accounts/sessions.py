"""Access tokens: JSON Web Tokens, checked as RFC 8725 asks: one algorithm (ES256), one issuer, one audience."""

from collections import OrderedDict
from typing import Any, Final

import jwt

from domain.clock import Clock
from domain.errors import Unauthorized
from domain.ids import ID_MAX, SessionId, UserId, time_ms
from serve.accounts.key_ring import ALGORITHM, KeyRing
from serve.http.sessions import Session

TTL_S: Final = 900
SESSION_S: Final = 365 * 86_400
"""Life of a session from its log-in, however often its tokens are renewed."""
ISSUER: Final = "murmur"
AUDIENCE: Final = "murmur-api"
_TOKEN_CHARS_MAX: Final = 2_048
_CHECKED_MAX: Final = 10_000


def seconds_left(family: SessionId, now_ms: int) -> int:
    """Seconds that a session may still last; its id says when it began."""
    return (time_ms(family) + SESSION_S * 1000 - now_ms) // 1000


class AccessTokens:
    """Issues and checks access tokens.

    A signature costs 0.1 ms to check, so tokens found good are remembered until they expire or the keys change.
    """

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._keys = ring.current()
        self._checked: OrderedDict[str, tuple[Session, int]] = OrderedDict()

    def issue(self, user: UserId, family: SessionId, ttl_s: int = TTL_S) -> str:
        """A token that is good for `ttl_s` seconds."""
        now_s = self._clock.now_ms() // 1000
        subject = {"sub": str(user), "sid": str(family)}
        claims = {"iss": ISSUER, "aud": AUDIENCE, **subject, "iat": now_s, "exp": now_s + ttl_s}
        key = self._ring.signer()
        return jwt.encode(claims, key.private, ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str) -> Session:
        """The session of a token. Raises `Unauthorized` (`invalid_token`, `expired_token`)."""
        session, expires_s = self._known(token)
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

    def _known(self, token: str) -> tuple[Session, int]:
        if (keys := self._ring.current()) is not self._keys:  # what was signed by a key that is gone is good no more
            self._keys = keys
            self._checked.clear()
        known = self._checked.get(token)
        if known is None:
            known = self._checked[token] = self._read(token)
            if len(self._checked) > _CHECKED_MAX:
                self._checked.popitem(last=False)
        return known

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
    if not (isinstance(claim, str) and len(claim) < 20 and claim.isascii() and claim.isdecimal()):
        raise _invalid()
    if int(claim) > ID_MAX:
        raise _invalid()
    return int(claim)


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not one of ours.", "invalid_token")
