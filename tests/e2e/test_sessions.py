"""Stories of signing up, staying logged in, and leaving."""

import asyncio

import httpx
import jwt

from tests.support.people import PASSWORD, sign_up, signed_up
from tests.support.system import RunningSystem

AUTH = "/api/v1/auth"


async def test_log_in_by_name_or_address_without_case(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    for login in (user["username"].upper(), f"{user['username']}@Example.com"):
        answer = await api.post(f"{AUTH}/login", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"]["id"] == user["id"]


async def test_a_refresh_token_is_used_once_and_reuse_ends_the_family(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    first = (await api.post(f"{AUTH}/login", json={"login": user["username"], "password": PASSWORD})).json()
    second = (await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})).json()
    assert second["refresh_token"] != first["refresh_token"]
    reused = await api.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
    assert reused.status_code == 401
    after = await api.post(f"{AUTH}/refresh", json={"refresh_token": second["refresh_token"]})
    assert after.status_code == 401, "a thief and a victim cannot be told apart: both must log in again"


async def test_logging_out_ends_the_session(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    tokens = (await api.post(f"{AUTH}/login", json={"login": user["username"], "password": PASSWORD})).json()
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await api.post(f"{AUTH}/logout", headers=headers)).status_code == 204
    assert (await api.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})).status_code == 401


async def test_two_who_want_one_name_at_once_get_one_answer_each(api: httpx.AsyncClient) -> None:
    (somebody,) = await sign_up(api, 1)
    name = f"n{somebody.id[-12:]}"

    async def register(address: str) -> int:
        body = {"username": name, "email": address, "password": PASSWORD}
        return (await api.post(f"{AUTH}/register", json=body)).status_code

    answers = await asyncio.gather(*(register(f"{name}{n}@example.com") for n in range(4)))
    assert sorted(answers) == [201, 409, 409, 409]


async def test_tokens_can_be_checked_with_the_published_key(api: httpx.AsyncClient) -> None:
    headers, user = await signed_up(api)
    keys = jwt.PyJWKSet.from_dict((await api.get("/.well-known/jwks.json")).json())
    token = headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, keys.keys[0].key, algorithms=["ES256"], audience="murmur-api", issuer="murmur")
    assert claims["sub"] == user["id"]


async def test_no_secret_is_in_any_log(api: httpx.AsyncClient, system: RunningSystem) -> None:
    secret = "a secret that is nowhere else"
    body = {"username": "whisperer", "email": "whisperer@example.com", "password": secret}
    registered = (await api.post(f"{AUTH}/register", json=body)).json()
    wrong = f"{secret}, mistaken"
    answers = [
        await api.post(f"{AUTH}/login", json={"login": "whisperer", "password": wrong}),
        await api.post(f"{AUTH}/login", json={"login": "whisperer", "password": secret, "email": 1}),
        await api.post(f"{AUTH}/refresh", json={"refresh_token": registered["refresh_token"]}),
        await api.post(f"{AUTH}/refresh", json={"refresh_token": registered["refresh_token"]}),
        await api.get("/api/v1/users/me", headers={"Authorization": f"Bearer {registered['access_token']}"}),
        await api.get("/api/v1/users/me", headers={"Authorization": f"Bearer {registered['access_token']}x"}),
    ]
    assert [answer.status_code for answer in answers] == [401, 422, 200, 401, 200, 401]
    secrets = [secret, registered["refresh_token"], registered["access_token"], "whisperer@example.com"]
    folders = (system.endpoints.log_dir, system.endpoints.log_dir / "ray")  # the second is a link
    logs = [path for folder in folders for path in folder.resolve().rglob("*") if path.is_file()]
    assert any(path.name.startswith("worker-") for path in logs), "the logs of the replicas are among them"
    found = [path.name for path in logs if any(each.encode() in path.read_bytes() for each in secrets)]
    assert found == []
