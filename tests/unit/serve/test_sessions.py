"""Access tokens: whatever is not exactly what we issue is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import der_to_raw_signature

from domain.clock import ManualClock
from domain.errors import Unauthorized
from domain.ids import ID_MAX, SessionId, UserId
from serve.accounts.key_ring import LOOK_EVERY_MS, KeyRing, public_jwk
from serve.accounts.tokens import AUDIENCE, ISSUER, TTL_S, AccessTokens
from serve.http.sessions import Session
from tests.support.key_files import add_key, folder_of

ALICE = UserId(7)
FAMILY = SessionId(99)
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGERS_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_PEM = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path, KEY)


@pytest.fixture
def tokens(folder: Path, clock: ManualClock) -> AccessTokens:
    return AccessTokens(KeyRing(folder, clock), clock)


def claims(clock: ManualClock, **changed: Any) -> dict[str, Any]:
    now_s = clock.now_ms() // 1000
    ours = {"iss": ISSUER, "aud": AUDIENCE, "sub": "7", "sid": "99", "iat": now_s, "exp": now_s + TTL_S}
    return {name: value for name, value in {**ours, **changed}.items() if value is not None}


def refusal(tokens: AccessTokens, token: str) -> str:
    with pytest.raises(Unauthorized) as caught:
        tokens.verify(token)
    return caught.value.code


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header: object, payload: object, sign: Callable[[bytes], bytes]) -> str:
    """A token as an attacker writes it, past a library that would refuse to."""
    signed = ".".join(encoded(json.dumps(part).encode()) for part in (header, payload))
    return f"{signed}.{encoded(sign(signed.encode()))}"


def unsigned(_signed: bytes) -> bytes:
    return b""


def with_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


def with_key(key: ec.EllipticCurvePrivateKey, digest: hashes.HashAlgorithm | None = None) -> Callable[[bytes], bytes]:
    return lambda signed: der_to_raw_signature(key.sign(signed, ec.ECDSA(digest or hashes.SHA256())), key.curve)


def test_a_token_names_its_user_and_family_until_it_expires(tokens: AccessTokens, clock: ManualClock) -> None:
    token = tokens.issue(ALICE, FAMILY)
    clock.advance(TTL_S * 1000 - 1)
    assert tokens.verify(token) == Session(ALICE, FAMILY)
    clock.advance(1)
    assert refusal(tokens, token) == "expired_token"
    assert refusal(tokens, token) == "expired_token"


def test_a_restarted_replica_takes_the_tokens_of_its_predecessor(
    tokens: AccessTokens, folder: Path, clock: ManualClock
) -> None:
    assert AccessTokens(KeyRing(folder, clock), clock).verify(tokens.issue(ALICE, FAMILY)).user == ALICE


def test_the_published_key_verifies_a_token(tokens: AccessTokens) -> None:
    token = tokens.issue(ALICE, FAMILY)
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


JWK, STRANGERS_JWK = public_jwk(KEY.public_key()), public_jwk(STRANGERS_KEY.public_key())
OURS = {"alg": "ES256", "kid": JWK["kid"]}
P384_KEY = ec.generate_private_key(ec.SECP384R1())
K256_KEY = ec.generate_private_key(ec.SECP256K1())
FORGERIES: dict[str, tuple[object, Callable[[bytes], bytes]]] = {
    "none": ({**OURS, "alg": "none"}, unsigned),
    "none in other letters": ({**OURS, "alg": "nOnE"}, unsigned),
    "none with our signature": ({**OURS, "alg": "none"}, with_key(KEY)),
    "no algorithm": ({"typ": "JWT", "kid": JWK["kid"]}, with_key(KEY)),
    "no signature": (OURS, unsigned),
    "a signature of zeros": (OURS, lambda _: bytes(64)),
    "the public key as a secret": ({**OURS, "alg": "HS256"}, with_secret(PUBLIC_PEM)),
    "the published key as a secret": ({"alg": "HS256", "kid": JWK["kid"]}, with_secret(json.dumps(JWK).encode())),
    "an empty secret": ({**OURS, "alg": "HS256"}, with_secret(b"")),
    "another hash": ({**OURS, "alg": "ES384"}, with_key(KEY, hashes.SHA384())),
    "another hash under our name": (OURS, with_key(KEY, hashes.SHA384())),
    "another curve": ({**OURS, "alg": "ES384"}, with_key(P384_KEY, hashes.SHA384())),
    "another curve under our name": (OURS, with_key(P384_KEY)),
    "another curve of the same size": ({**OURS, "alg": "ES256K"}, with_key(K256_KEY)),
    "that one under our name": (OURS, with_key(K256_KEY)),
    "a list of algorithms": ({**OURS, "alg": ["ES256"]}, with_key(KEY)),
    "a stranger's key": ({"alg": "ES256", "kid": STRANGERS_JWK["kid"]}, with_key(STRANGERS_KEY)),
    "a stranger's key under our name": (OURS, with_key(STRANGERS_KEY)),
    "a key that is in the token": ({**OURS, "jwk": STRANGERS_JWK}, with_key(STRANGERS_KEY)),
    "a key that is elsewhere": ({**OURS, "jku": "https://example.com/jwks"}, with_key(STRANGERS_KEY)),
    "a key that is a file": ({"alg": "HS256", "kid": "../../../../dev/null"}, with_secret(b"")),
    "a name that is none": ({"alg": "ES256", "kid": 5}, with_key(KEY)),
    "an extension nobody knows": ({**OURS, "crit": ["x"], "x": 1}, with_key(KEY)),
    "a payload that is elsewhere": ({**OURS, "crit": ["b64"], "b64": False}, with_key(KEY)),
    "a header that is no object": ([], with_key(KEY)),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_neither_algorithm_nor_key_is_the_senders_choice(
    tokens: AccessTokens, clock: ManualClock, forgery: str
) -> None:
    header, sign = FORGERIES[forgery]
    assert refusal(tokens, by_hand(header, claims(clock), sign)) == "invalid_token"


def test_a_token_by_hand_is_good_if_all_is_right(tokens: AccessTokens, clock: ManualClock) -> None:
    token = by_hand(OURS, claims(clock), with_key(KEY))
    assert tokens.verify(token) == Session(ALICE, FAMILY), "what refuses the others is what is wrong with them"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody-else"},
        {"iss": None},
        {"iss": [ISSUER]},
        {"iss": 5},
        {"aud": "another-api"},
        {"aud": None},
        {"aud": 5},
        {"aud": {AUDIENCE: 1}},
        {"aud": [AUDIENCE, 5]},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"sub": "\u0667"},  # a digit, not of ours
        {"sub": "9" * 1_000},
        {"sub": "alice"},
        {"sub": "-7"},
        {"sub": str(ID_MAX + 1)},
        {"sid": None},
        {"sid": 5},
        {"sid": ""},
        {"sid": "family"},
        {"sid": "-5"},
        {"sid": str(ID_MAX + 1)},
        {"iat": None},
        {"iat": "now"},
        {"iat": 1e300},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": True},
        {"exp": [9_999_999_999]},
    ],
)
def test_a_token_of_another_purpose_is_refused(
    tokens: AccessTokens, clock: ManualClock, changed: dict[str, Any]
) -> None:
    token = by_hand(OURS, claims(clock, **changed), with_key(KEY))
    assert refusal(tokens, token) == "invalid_token"


@pytest.mark.parametrize("payload", [[], None, 5, "text"])
def test_claims_that_are_no_object_are_refused(tokens: AccessTokens, payload: object) -> None:
    assert refusal(tokens, by_hand(OURS, payload, with_key(KEY))) == "invalid_token"


def test_a_token_that_expired_before_it_was_seen_is_refused(tokens: AccessTokens, clock: ManualClock) -> None:
    expired = by_hand(OURS, claims(clock, exp=clock.now_ms() // 1000), with_key(KEY))
    assert [refusal(tokens, expired) for _ in range(2)] == ["expired_token"] * 2


def test_a_tampered_token_is_refused(tokens: AccessTokens, clock: ManualClock) -> None:
    header, payload, signature = tokens.issue(ALICE, FAMILY).split(".")
    tokens.verify(f"{header}.{payload}.{signature}")
    others = encoded(json.dumps(claims(clock, sub="8")).encode())
    longer = encoded(json.dumps(claims(clock, exp=9_999_999_999)).encode())
    anothers = tokens.issue(UserId(8), FAMILY).split(".")[2]
    turned = ("B" if signature[0] == "A" else "A") + signature[1:]
    for tampered in (
        f"{header}.{others}.{signature}",
        f"{header}.{longer}.{signature}",
        f"{header}.{payload}.{anothers}",
        f"{header}.{payload}.{turned}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.{signature}AAAA",
        f"{header}.{payload}",
        f"{header}.{payload}.{signature}.{signature}",
    ):
        assert refusal(tokens, tampered) == "invalid_token"


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "\x00", "é.é.é", "x" * 100_000, f"{encoded(b'[' * 1_500)}.a.b", "//8.e30.AA"]
)
def test_what_is_no_token_is_refused(tokens: AccessTokens, token: str) -> None:
    assert refusal(tokens, token) == "invalid_token"


def test_a_token_says_which_key_signed_it(tokens: AccessTokens, clock: ManualClock) -> None:
    for header in ({"alg": "ES256"}, {"alg": "ES256", "kid": "any"}, {"alg": "ES256", "kid": ""}):
        assert refusal(tokens, by_hand(header, claims(clock), with_key(KEY))) == "invalid_token"


def test_who_logs_out_may_name_the_session_by_a_token_that_has_expired(
    tokens: AccessTokens, clock: ManualClock
) -> None:
    token = tokens.issue(ALICE, FAMILY)
    clock.advance(TTL_S * 1000)
    assert refusal(tokens, token) == "expired_token"
    assert tokens.named(token) == Session(ALICE, FAMILY)
    with pytest.raises(Unauthorized):
        tokens.named(by_hand(OURS, claims(clock), with_key(STRANGERS_KEY)))


def test_tokens_of_each_key_are_good_while_it_is_there_and_none_afterwards(
    tokens: AccessTokens, folder: Path, clock: ManualClock
) -> None:
    (first,) = folder.iterdir()
    of_the_first = tokens.issue(ALICE, FAMILY)
    for hour in (1, 2):
        add_key(folder, hour, ec.generate_private_key(ec.SECP256R1()))
    clock.advance(LOOK_EVERY_MS)
    of_the_second = tokens.issue(ALICE, FAMILY)
    published = [jwk["kid"] for jwk in tokens.jwks()["keys"]]
    used = [jwt.get_unverified_header(token)["kid"] for token in (of_the_second, of_the_first)]
    assert published[1:] == used, "the newest is published and signs nothing yet"
    assert {tokens.verify(token) for token in (of_the_first, of_the_second)} == {Session(ALICE, FAMILY)}
    first.unlink()
    clock.advance(LOOK_EVERY_MS)
    assert refusal(tokens, of_the_first) == "invalid_token", "whoever drops a key that was stolen relies on it"
    assert tokens.verify(of_the_second) == Session(ALICE, FAMILY)
