"""Access tokens: whatever is not exactly what we issue is refused."""

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domain.clock import ManualClock
from domain.errors import Unauthorized
from domain.ids import ID_MAX, UserId
from serve.sessions import AUDIENCE, ISSUER, TTL_S, AccessTokens, Session

ALICE = UserId(7)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


KEY = ec.generate_private_key(ec.SECP256R1())
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(clock: ManualClock) -> AccessTokens:
    return AccessTokens(pem(KEY), clock)


def claims(clock: ManualClock, **changed: Any) -> dict[str, Any]:
    now_s = clock.now_ms() // 1000
    ours = {"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "sid": "family", "iat": now_s, "exp": now_s + TTL_S}
    return {name: value for name, value in {**ours, **changed}.items() if value is not None}


def refusal(tokens: AccessTokens, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        tokens.verify(token)
    return caught.value.code


def by_hand(header: dict[str, str], payload: dict[str, Any], secret: bytes | None) -> str:
    """A token as an attacker writes it, past a library that would refuse to."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, payload)]
    signed = b".".join(parts)
    signature = hmac.new(secret, signed, hashlib.sha256).digest() if secret else b""
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def test_a_token_names_its_user_and_family_until_it_expires(tokens: AccessTokens, clock: ManualClock) -> None:
    token = tokens.issue(ALICE, "family")
    clock.advance(TTL_S * 1000 - 1)
    assert tokens.verify(token) == Session(ALICE, "family")
    clock.advance(1)
    assert refusal(tokens, token) == "expired_token"
    assert refusal(tokens, token) == "expired_token"


def test_a_restarted_replica_takes_the_tokens_of_its_predecessor(tokens: AccessTokens, clock: ManualClock) -> None:
    assert AccessTokens(pem(KEY), clock).verify(tokens.issue(ALICE, "family")).user == ALICE


def test_the_published_key_verifies_a_token(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, "family")
    (jwk,) = tokens.jwks()["keys"]
    assert jwt.get_unverified_header(token)["kid"] == jwk["kid"]
    read = jwt.decode(
        token,
        jwt.PyJWK(jwk).key,
        algorithms=["ES256"],
        audience=AUDIENCE,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert read["sub"] == "7"
    assert "d" not in jwk, "the private part is nobody's business"


def test_the_algorithm_is_not_the_senders_choice(tokens: AccessTokens, clock: ManualClock) -> None:
    assert refusal(tokens, by_hand({"alg": "none", "typ": "JWT"}, claims(clock), None)) == "invalid_token"
    assert refusal(tokens, by_hand({"alg": "HS256", "typ": "JWT"}, claims(clock), PUBLIC_PEM)) == "invalid_token"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody-else"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": None},
        {"sub": None},
        {"sub": "alice"},
        {"sub": "-7"},
        {"sub": str(ID_MAX + 1)},
        {"sid": None},
        {"sid": 5},
        {"exp": None},
        {"exp": "soon"},
    ],
)
def test_a_token_of_another_purpose_is_refused(
    tokens: AccessTokens, clock: ManualClock, changed: dict[str, Any]
) -> None:
    token = jwt.encode(claims(clock, **changed), KEY, "ES256", sort_headers=True)
    assert refusal(tokens, token) == "invalid_token"


def test_a_token_signed_by_a_stranger_is_refused(tokens: AccessTokens, clock: ManualClock) -> None:
    assert refusal(tokens, jwt.encode(claims(clock), STRANGERS_KEY, "ES256")) == "invalid_token"


def test_a_tampered_token_is_refused(tokens: AccessTokens, clock: ManualClock) -> None:
    header, _, signature = tokens.issue(ALICE, "family").split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(clock, sub="8")).encode()).rstrip(b"=").decode()
    assert refusal(tokens, f"{header}.{other}.{signature}") == "invalid_token"


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "\x00", "é.é.é", "x" * 100_000])
def test_what_is_no_token_is_refused(tokens: AccessTokens, token: str) -> None:
    assert refusal(tokens, token) == "invalid_token"


def test_keys_of_other_kinds_are_refused_at_the_start(clock: ManualClock) -> None:
    with pytest.raises(AssertionError, match="P-256"):
        AccessTokens(pem(ec.generate_private_key(ec.SECP384R1())), clock)
