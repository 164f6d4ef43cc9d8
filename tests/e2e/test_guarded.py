"""Stories of a system with its rate limits on and every log line written: what an attacker tries at the door."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.api_user import PASSWORD, signed_up
from tests.support.system import RunningSystem, running_system

AUTH = "/api/v1/auth"
SPOOFS: dict[str, list[tuple[str, str]]] = {
    "no header": [],
    "X-Forwarded-For": [("X-Forwarded-For", "198.51.100.1")],
    "a list of proxies": [("X-Forwarded-For", "198.51.100.2, 127.0.0.1, 127.0.0.1")],
    "several of them": [("X-Forwarded-For", "198.51.100.3"), ("X-Forwarded-For", "127.0.0.1"), ("x-forwarded-for", "")],
    "an empty one": [("X-Forwarded-For", "")],
    "IPv6": [("X-Forwarded-For", "2001:db8::4")],
    "IPv4 in IPv6": [("X-Forwarded-For", "::ffff:198.51.100.5")],
    "a port": [("X-Forwarded-For", "198.51.100.6:4711")],
    "one that looks like a list": [("X-Forwarded-For", "198.51.100.7,\t127.0.0.1"), ("X-Forwarded-Host", "a")],
    "Forwarded": [("Forwarded", 'for=198.51.100.8, for="[2001:db8::8]:4711"')],
    "X-Real-IP": [("X-Real-IP", "198.51.100.9"), ("X-Client-IP", "198.51.100.9"), ("True-Client-IP", "198.51.100.9")],
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[RunningSystem]:
    with running_system(rate_limits="on", log_level="DEBUG") as running:
        yield running


def client_at(system: RunningSystem, address: str) -> httpx.AsyncClient:
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30, transport=transport)


@pytest.fixture
async def stranger(guarded: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """A client at an address that no proxy has."""
    async with client_at(guarded, "127.0.0.2") as client:
        yield client


async def registering(client: httpx.AsyncClient, headers: list[tuple[str, str]]) -> httpx.Response:
    """What comes of a registration that is counted, and is not valid."""
    return await client.post(f"{AUTH}/register", json={}, headers=headers)


async def test_no_header_of_a_stranger_makes_it_another_client(stranger: httpx.AsyncClient) -> None:
    for _ in range(10):
        assert (await registering(stranger, [])).status_code == 422
    for spoof, headers in SPOOFS.items():
        answer = await registering(stranger, headers)
        assert answer.status_code == 429, spoof
        assert answer.json()["code"] == "rate_limited"
        assert int(answer.headers["Retry-After"]) >= 1
        assert answer.headers["X-RateLimit-Remaining"] == "0"


async def test_what_a_trusted_proxy_says_is_believed(guarded: RunningSystem) -> None:
    async with client_at(guarded, "127.0.0.1") as proxy:
        for host in range(10):
            address = [("X-Forwarded-For", f"2001:db8:7:7::{host:x}")]
            assert (await registering(proxy, address)).status_code == 422
        assert (await registering(proxy, [("X-Forwarded-For", "2001:db8:7:7:8::9")])).status_code == 429
        assert (await registering(proxy, [("X-Forwarded-For", "1.2.3.4, 2001:db8:7:7::a")])).status_code == 429
        assert (await registering(proxy, [("X-Forwarded-For", "2001:db8:7:8::1")])).status_code == 422


async def test_a_user_is_one_client_at_any_address(guarded: RunningSystem) -> None:
    async with client_at(guarded, "127.0.0.3") as here, client_at(guarded, "127.0.0.4") as there:
        headers, user = await signed_up(here)
        left = []
        for client in (here, there, here):
            answer = await client.post(f"/api/v1/users/{user['id']}/follow", headers=headers)  # is counted, and refused
            left.append(answer.headers["X-RateLimit-Remaining"])
    assert left == ["399", "398", "397"]


async def test_refusals_are_counted_and_good_requests_go_on(guarded: RunningSystem) -> None:
    # HAProxy, which would refuse so many requests in so short a time, lets those of its own address pass.
    async with client_at(guarded, "127.0.0.1") as here, client_at(guarded, "127.0.0.7") as there:
        headers, user = await signed_up(here)
        bad, json_ = {"Authorization": "Bearer bad"}, {"Content-Type": "application/json"}

        async def refused(kind: int) -> int:
            match kind % 4:
                case 0:
                    return (await here.get("/nowhere")).status_code
                case 1:
                    return (await here.get("/api/v1/timeline/home", headers=bad)).status_code
                case 2:
                    return (await here.post("/api/v1/tweets", content="{", headers={**headers, **json_})).status_code
            return (await here.delete("/api/v1/timeline/home")).status_code

        statuses = [await refused(kind) for kind in range(310)]
        assert statuses[:4] == [404, 401, 400, 405]
        assert statuses.count(429) > 0
        assert set(statuses[:300]) == {404, 401, 400, 405}, "300 there may be"
        assert (await here.get("/api/v1/timeline/home", headers=headers)).status_code == 200
        assert (await here.get(f"/api/v1/users/{user['id']}")).status_code == 200
        assert (await there.get("/nowhere")).status_code == 404


async def test_who_looks_from_outside_whether_we_live_is_counted(guarded: RunningSystem) -> None:
    async with client_at(guarded, "127.0.0.1") as proxy:
        for path in ("/healthz", "/readyz"):
            assert "X-RateLimit-Remaining" not in (await proxy.get(path)).headers
            strangers = await proxy.get(path, headers={"X-Forwarded-For": "203.0.113.77"})
            assert int(strangers.headers["X-RateLimit-Remaining"]) < 900


async def test_guessing_a_password_ends_and_its_owner_stays(guarded: RunningSystem) -> None:
    async with client_at(guarded, "127.0.0.1") as proxy:

        async def log_in(login: str, password: str, address: str) -> httpx.Response:
            body = {"login": login, "password": password}
            return await proxy.post(f"{AUTH}/login", json=body, headers={"X-Forwarded-For": address})

        headers, user = await signed_up(proxy)
        session = await log_in(user["username"], PASSWORD, "198.51.100.77")
        assert session.status_code == 200
        told = []
        for login in (user["username"], "nobody_has_this"):
            guesses = [await log_in(login, "a guess", f"203.0.{n}.7") for n in range(26)]
            assert [guess.status_code for guess in guesses] == [401] * 25 + [429]
            assert int(guesses[-1].headers["Retry-After"]) > 60
            told.append(guesses[-1].json()["code"])
        assert told == ["rate_limited"] * 2
        assert (await log_in(user["username"], PASSWORD, "192.0.2.7")).status_code == 429, "from nowhere known"
        assert (await log_in(user["username"], PASSWORD, "198.51.100.78")).status_code == 200, (
            "from where it was before"
        )
        assert (await proxy.get("/api/v1/timeline/home", headers=headers)).status_code == 200
        token = session.json()["refresh_token"]
        assert (await proxy.post(f"{AUTH}/refresh", json={"refresh_token": token})).status_code == 200
    lines = b"".join(path.read_bytes() for path in logs_of(guarded)).splitlines()
    found = [json.loads(line) for line in lines if b'"log-in failed"' in line]
    (guess,) = [line for line in found if line["network"] == "203.0.3.0/24" and line["user"] is not None]
    assert guess["user"] == int(user["id"])
    assert guess["request_id"]


def logs_of(system: RunningSystem) -> list[Path]:
    """What the replicas wrote."""
    return [path for path in (system.endpoints.log_dir / "ray").resolve().rglob("worker-*.err") if path.is_file()]


async def test_no_secret_is_in_any_log(guarded: RunningSystem) -> None:
    password, wrong, basic = "a secret that is nowhere else", "another that is mistaken", "c2VjcmV0OnRoYXQ="
    async with client_at(guarded, "127.0.0.5") as api:
        body = {"username": "whisperer", "email": "whisperer@example.com", "password": password}
        first = (await api.post(f"{AUTH}/register", json=body)).json()

        async def post(path: str, status: int, token: str = "", **body: object) -> dict[str, str]:
            headers = {"Authorization": token} if token else {}
            answer = await api.post(f"/api/v1{path}", json=body, headers=headers)
            assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
            return dict(answer.json()) if answer.content else {}

        second = await post("/auth/refresh", 200, refresh_token=first["refresh_token"])
        third = await post("/auth/login", 200, login="whisperer@example.com", password=password)
        await post("/tweets", 201, f"Bearer {second['access_token']}", text="hush")
        await post("/tweets", 401, f"Bearer {second['access_token']}x", text="hush")
        await post("/tweets", 401, f"Basic {basic}", text="hush")
        await post("/auth/register", 409, **body)
        await post("/auth/register", 422, **{**body, "email": f"{wrong} {password}"})
        await post("/auth/login", 401, login="whisperer", password=wrong)
        await post("/auth/login", 422, login="whisperer", password=password, email=1)
        await post("/auth/refresh", 401, refresh_token=first["refresh_token"])
        await post("/auth/refresh", 422, refresh_token=third["access_token"])
        await post("/auth/logout", 401, f"Bearer {third['access_token']}x")
        await post("/auth/logout", 204, f"Bearer {third['access_token']}", refresh_token=third["refresh_token"])
        cut_off = f'{{"login": "whisperer", "password": "{password}"'
        malformed = await api.post(f"{AUTH}/login", content=cut_off, headers={"Content-Type": "application/json"})
        assert malformed.status_code == 400
        too_large = await api.post(f"{AUTH}/login", json={"login": "whisperer", "password": password * 10_000})
        assert too_large.status_code == 413
    tokens = [each[f"{kind}_token"] for each in (first, second, third) for kind in ("access", "refresh")]
    secrets = [password, wrong, basic, "whisperer@example.com", "$argon2id$", *tokens]
    folders = (guarded.endpoints.log_dir, guarded.endpoints.log_dir / "ray")  # the second is a link
    logs = [path for folder in folders for path in folder.resolve().rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in logs if path.name.startswith("worker-"))
    assert b'"level": "debug"' in written, "every line is there"
    assert b'"component": "api"' in written, "those of the replicas too"
    found = [path.name for path in logs if any(each.encode() in path.read_bytes() for each in secrets)]
    assert found == []
