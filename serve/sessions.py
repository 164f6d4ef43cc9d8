"""Access tokens: JSON Web Tokens, checked as RFC 8725 asks: one algorithm (ES256), one issuer, one audience."""

import json
from collections import OrderedDict
from typing import Any, Final, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from domain.clock import Clock
from domain.errors import Unauthorized
from domain.ids import ID_MAX, UserId

TTL_S: Final = 900
ISSUER: Final = "murmur"
AUDIENCE: Final = "murmur-api"
_ALGORITHM: Final = "ES256"
_TOKEN_CHARS_MAX: Final = 2_048
_CHECKED_MAX: Final = 10_000


class Session(NamedTuple):
    """Whose token it is, and the family of refresh tokens it was issued with."""

    user: UserId
    family: str


class AccessTokens:
    """Issues and checks access tokens.

    A signature costs 0.1 ms to check, so tokens found good are remembered until they expire.
    """

    def __init__(self, private_key_pem: bytes, clock: Clock) -> None:
        key = load_pem_private_key(private_key_pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "access tokens are signed with an elliptic curve key"
        assert isinstance(key.curve, ec.SECP256R1), "ES256 is defined on the curve P-256"
        self._private = key
        self._public = key.public_key()
        self._jwk = _public_jwk(self._public)
        self._clock = clock
        self._checked: OrderedDict[str, tuple[Session, int]] = OrderedDict()

    def issue(self, user: UserId, family: str) -> str:
        """A token that is good for `TTL_S` seconds."""
        now_s = self._clock.now_ms() // 1000
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": str(user), "sid": family, "iat": now_s, "exp": now_s + TTL_S}
        return jwt.encode(claims, self._private, _ALGORITHM, headers={"kid": self._jwk["kid"]})

    def verify(self, token: str) -> Session:
        """Whose token this is. Raises `Unauthorized` (`invalid_token`, `expired_token`)."""
        known = self._checked.get(token)
        if known is None:
            known = self._read(token)
            self._checked[token] = known
            if len(self._checked) > _CHECKED_MAX:
                self._checked.popitem(last=False)
        session, expires_s = known
        if self._clock.now_ms() >= expires_s * 1000:
            self._checked.pop(token, None)
            raise Unauthorized("The access token has expired.", "expired_token")
        return session

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public key, for others who want to check tokens (RFC 7517)."""
        return {"keys": [self._jwk]}

    def _read(self, token: str) -> tuple[Session, int]:
        if len(token) > _TOKEN_CHARS_MAX:
            raise _invalid()
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._public,
                algorithms=[_ALGORITHM],
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
        if not (isinstance(subject, str) and subject.isascii() and subject.isdecimal() and isinstance(family, str)):
            raise _invalid()
        if type(issued_s) is not int or type(expires_s) is not int or int(subject) > ID_MAX:  # True is an `int` too
            raise _invalid()
        return Session(UserId(int(subject)), family), expires_s


def _invalid() -> Unauthorized:
    return Unauthorized("The access token is not one of ours.", "invalid_token")


def _public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The key as JSON, named by its thumbprint (RFC 7638)."""
    members: dict[str, str] = ECAlgorithm.to_jwk(key, as_dict=True)
    required = {name: members[name] for name in ("crv", "kty", "x", "y")}
    digest = Hash(SHA256())
    digest.update(json.dumps(required, sort_keys=True, separators=(",", ":")).encode())
    return {**required, "kid": base64url_encode(digest.finalize()).decode(), "alg": _ALGORITHM, "use": "sig"}
