"""Stories of signing up, staying logged in, and leaving."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import jwt
import pytest

from cluster.embedded.ray_environment import to_connect
from cluster.embedded.ray_node import token_path
from domain.clock import ManualClock, SystemClock
from domain.ids import SessionId, UserId
from serve.accounts.key_ring import KeyRing
from serve.accounts.tokens import AccessTokens
from tests.support.api_user import PASSWORD, sign_up, signed_up
from tests.support.key_files import folder_of
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

AUTH = "/api/v1/auth"


async def test_log_in_by_name_or_address_without_case(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    for login in (user["username"].upper(), f"{user['username']}@Example.com"):
        answer = await api.post(f"{AUTH}/login", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"]["id"] == user["id"]


async def test_sign_up_and_log_in_mean_the_same_by_every_way_of_writing_it(api: httpx.AsyncClient) -> None:
    name = "Ana\u00a0👩\u200d💻 山田\u3000花子 علی\u200cرض\u0627"
    body = {
        "username": "Ana_Muller",
        "email": "Ana@Mu\u0308ller.example",
        "password": "cafe\u0301 au lait",
        "name": name,
    }
    answer = await api.post(f"{AUTH}/register", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["user"]["name"] == name
    for email in ("ana@müller.example", "ana@XN--MLLER-KVA.example", "\uff21na\uff20mu\u0308ller\uff0eexample"):
        answer = await api.post(f"{AUTH}/login", json={"email": email, "password": "café\u3000au lait"})
        assert answer.status_code == 200, answer.text


async def test_a_refresh_token_is_used_once_and_reuse_ends_the_family(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    first = (await api.post(f"{AUTH}/login", json={"login": user["username"], "password": PASSWORD})).json()
    second = (await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    reused = await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
    assert reused.status_code == 401
    after = await api.post(f"{AUTH}/refresh", json={"refresh_token": second["refresh_token"]})
    assert after.status_code == 401, "a thief and a victim cannot be told apart: both must log in again"


async def test_of_several_who_use_a_refresh_token_at_once_one_gets_new_ones_and_they_are_worth_nothing(
    api: httpx.AsyncClient,
) -> None:
    _, user = await signed_up(api)
    tokens = (await api.post(f"{AUTH}/login", json={"login": user["username"], "password": PASSWORD})).json()
    body = {"refresh_token": tokens["refresh_token"]}
    answers = await asyncio.gather(*(api.post(f"{AUTH}/refresh", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    (got,) = [answer.json() for answer in answers if answer.status_code == 200]
    again = await api.post(f"{AUTH}/refresh", json={"refresh_token": got["refresh_token"]})
    assert again.status_code == 401


async def test_who_exists_does_not_show_in_a_refused_log_in(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    refusals = []
    for login in (user["username"], f"{user['username']}@example.com", "nobody_at_all", "nobody@example.com"):
        answer = await api.post(f"{AUTH}/login", json={"login": login, "password": "not the password"})
        said = {name: value for name, value in answer.json().items() if name != "request_id"}
        told = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
        refusals.append((answer.status_code, said, told))
    assert refusals[0][0] == 401
    assert all(refusal == refusals[0] for refusal in refusals)


async def log_in(api: httpx.AsyncClient) -> dict[str, str]:
    """A session of somebody new: its tokens."""
    _, user = await signed_up(api)
    answer = await api.post(f"{AUTH}/login", json={"login": user["username"], "password": PASSWORD})
    return dict(answer.json())


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


Everywhere = Callable[[dict[str, str]], Awaitable[set[tuple[int, str | None]]]]


@pytest.fixture
async def everywhere(system: RunningSystem) -> AsyncIterator[Everywhere]:
    """What requests with an access token are answered, each on a connection of its own: every replica has some."""
    never_kept = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30, limits=never_kept) as client:

        async def answers(tokens: dict[str, str]) -> set[tuple[int, str | None]]:
            paths = ("/users/me", "/timeline/home", "/timeline/public") * 4
            got = [await client.get(f"/api/v1{path}", headers=bearer(tokens)) for path in paths]
            return {(answer.status_code, answer.json().get("code")) for answer in got}

        yield answers


LIVES = {(200, None)}
ENDED = {(401, "session_ended")}


@pytest.mark.parametrize("by", ["access token", "refresh token", "both"])
async def test_when_logging_out_is_answered_every_replica_refuses_the_session(
    api: httpx.AsyncClient, everywhere: Everywhere, by: str
) -> None:
    first = await log_in(api)
    tokens = (await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert await everywhere(tokens) == LIVES
    headers = {} if by == "refresh token" else bearer(tokens)
    body = None if by == "access token" else {"refresh_token": tokens["refresh_token"]}
    for _ in range(2):
        assert (await api.post(f"{AUTH}/logout", headers=headers, json=body)).status_code == 204
    assert await everywhere(tokens) == ENDED
    assert await everywhere(first) == ENDED, "all that the session was ever given"
    assert (await api.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})).status_code == 401


async def test_reuse_of_a_refresh_token_ends_the_access_tokens_of_thief_and_owner(
    api: httpx.AsyncClient, everywhere: Everywhere
) -> None:
    first, elsewhere = await log_in(api), await log_in(api)
    second = (await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert await everywhere(second) == LIVES
    assert (await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).status_code == 401
    assert await everywhere(second) == ENDED
    assert await everywhere(first) == ENDED
    assert await everywhere(elsewhere) == LIVES


def signed_by(keys: Path, tokens: dict[str, str], clock: ManualClock) -> str:
    """An access token as the service with these keys signed it at some time, for the session of others."""
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    signer = AccessTokens(KeyRing(keys, clock), clock)
    return signer.issue(UserId(int(claims["sub"])), SessionId(int(claims["sid"])))


@pytest.mark.parametrize("with_refresh_token", [False, True])
async def test_who_comes_back_after_hours_can_still_log_out(
    api: httpx.AsyncClient, system: RunningSystem, everywhere: Everywhere, with_refresh_token: bool
) -> None:
    tokens = await log_in(api)
    hours_ago = ManualClock(SystemClock().now_ms() - 8 * 3_600_000)
    expired = signed_by(system.endpoints.data_dir / "keys" / "jwt", tokens, hours_ago)
    headers = {"Authorization": f"Bearer {expired}"}
    assert (await api.get("/api/v1/users/me", headers=headers)).json()["code"] == "expired_token"
    body = {"refresh_token": tokens["refresh_token"]} if with_refresh_token else None
    assert (await api.post(f"{AUTH}/logout", headers=headers, json=body)).status_code == 204
    assert await everywhere(tokens) == ENDED
    assert (await api.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})).status_code == 401


async def test_a_token_of_a_stranger_ends_nothing_and_keeps_nobody_from_logging_out(
    api: httpx.AsyncClient, everywhere: Everywhere, tmp_path: Path
) -> None:
    tokens = await log_in(api)
    forged = signed_by(folder_of(tmp_path), tokens, ManualClock(SystemClock().now_ms()))
    headers = {"Authorization": f"Bearer {forged}"}
    refused = await api.post(f"{AUTH}/logout", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    unknown = await api.post(f"{AUTH}/logout", headers=headers, json={"refresh_token": "unknown"})
    assert unknown.status_code == 204, "it is worth nothing, which is all that was asked (RFC 7009, 2.2)"
    assert await everywhere(tokens) == LIVES
    body = {"refresh_token": tokens["refresh_token"]}
    assert (await api.post(f"{AUTH}/logout", headers=headers, json=body)).status_code == 204
    assert await everywhere(tokens) == ENDED


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/users/me"), ("GET", "/timeline/public"), ("POST", "/auth/logout")]
)
async def test_two_authorizations_are_refused_whichever_is_good(api: httpx.AsyncClient, method: str, path: str) -> None:
    tokens = await log_in(api)
    good = ("Authorization", f"Bearer {tokens['access_token']}")
    for other in (good, ("authorization", "Bearer nonsense"), ("AUTHORIZATION", "")):
        for headers in ([good, other], [other, good]):
            answer = await api.request(method, f"/api/v1{path}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (400, "repeated_authorization")
            assert answer.json()["request_id"]
    assert (await api.get("/api/v1/users/me", headers=[good])).status_code == 200


async def test_two_who_want_one_name_at_once_get_one_answer_each(api: httpx.AsyncClient) -> None:
    (somebody,) = await sign_up(api, 1)
    name = f"n{str(somebody.id)[-12:]}"

    async def register(address: str) -> int:
        body = {"username": name, "email": address, "password": PASSWORD}
        return (await api.post(f"{AUTH}/register", json=body)).status_code

    answers = await asyncio.gather(*(register(f"{name}{n}@example.com") for n in range(4)))
    assert sorted(answers) == [201, 409, 409, 409]


async def test_tokens_can_be_checked_with_the_published_keys(api: httpx.AsyncClient) -> None:
    headers, user = await signed_up(api)
    keys = jwt.PyJWKSet.from_dict((await api.get("/.well-known/jwks.json")).json())
    token = headers["Authorization"].removeprefix("Bearer ")
    key = keys[jwt.get_unverified_header(token)["kid"]].key
    claims = jwt.decode(token, key, algorithms=["ES256"], audience="murmur-api", issuer="murmur")
    assert claims["sub"] == user["id"]


async def published(api: httpx.AsyncClient) -> list[str]:
    """The names of the keys that a replica publishes."""
    return [key["kid"] for key in (await api.get("/.well-known/jwks.json")).json()["keys"]]


async def test_keys_are_rotated_while_sessions_go_on(
    api: httpx.AsyncClient, system: RunningSystem, everywhere: Everywhere
) -> None:
    ahead, signs = await published(api)
    old, tokens = await log_in(api), await log_in(api)
    assert "signs" in await system.run("keys", "rotate")
    kids: list[str] = []

    async def signers() -> list[str]:
        nonlocal tokens
        assert await everywhere(old) | await everywhere(tokens) == LIVES
        tokens = (await api.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
        kids.append(jwt.get_unverified_header(tokens["access_token"])["kid"])
        return kids[-6:]

    await eventually(signers, lambda last: last == [ahead] * 6, within_s=30)
    assert set(kids) <= {signs, ahead}, "nobody signs with the key that was just made"
    assert (await published(api))[1:] == [ahead, signs]
    listed = await system.run("keys", "list")
    assert [line.split()[-1] for line in listed.splitlines()[1:]] == ["verifies", "signs", "ahead"]


LOOK_INTO_THE_GCS = """
import sys
from ray._raylet import GcsClient
gcs = GcsClient(address=sys.argv[1])
for namespace in (None, b"serve", b"fun", b"job"):
    for key in gcs.internal_kv_keys(b"", namespace):
        sys.stdout.buffer.write(gcs.internal_kv_get(key, namespace) or b"")
"""


async def test_what_ray_keeps_names_the_folder_of_the_keys_and_holds_none(system: RunningSystem) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        LOOK_INTO_THE_GCS,
        system.endpoints.ray_address,
        env={**system.environment, **to_connect(token_path(system.endpoints.data_dir))},
        stdout=asyncio.subprocess.PIPE,
    )
    kept, _ = await process.communicate()
    assert process.returncode == 0
    assert b"ApiConfig" in kept, "what replicas are given is in it"
    assert b"PRIVATE KEY" not in kept
