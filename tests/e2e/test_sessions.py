"""Stories of signing up, staying logged in, and leaving."""

import asyncio

import httpx
import jwt

from tests.support.people import PASSWORD, sign_up, signed_up

AUTH = "/api/v1/auth"


async def test_log_in_by_name_or_address_without_case(api: httpx.AsyncClient) -> None:
    _, user = await signed_up(api)
    for login in (user["username"].upper(), f"{user['username']}@Example.com"):
        answer = await api.post(f"{AUTH}/login", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        assert answer.json()["user"]["id"] == user["id"]


async def test_sign_up_and_log_in_mean_the_same_by_every_way_of_writing_it(api: httpx.AsyncClient) -> None:
    name = "Ana\u00a0👩\u200d💻 山田\u3000花子 علی\u200cرضا"  # noqa: RUF001
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
