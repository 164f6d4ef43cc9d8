"""Who is refused again and again is told that it is too often, and nobody else is."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException

from domain.clock import ManualClock
from domain.errors import Unauthorized
from domain.ids import UserId
from serve.http.access import OTHERWISE, PROBING, AccessControl
from serve.http.cors import Cors
from serve.http.error_handlers import add_error_handlers
from serve.http.middleware import RequestMiddleware
from serve.http.origins import Origins
from serve.http.rate_limits import Guard, Limit, RateLimits
from serve.http.refusals import counting_refusals
from serve.http.use_cases import UseCases, use_case
from storage.redis.rate_limits import LocalRateLimiter
from telemetry import metrics
from tests.support.ports import NotGiven

STRANGER, NEIGHBOUR, OPERATOR = "203.0.113.9", "203.0.113.10", "10.0.0.7"
ALICE = UserId(1)
REFUSED = ["/nowhere", "/bad-token", "/counted-422"]


@dataclass
class Body:
    text: str


def service(**rates: int) -> FastAPI:
    """What surrounds all routes, over some that are refused in one way each."""
    clock = ManualClock()
    guard = Guard(LocalRateLimiter(clock, 100), clock, RateLimits(**rates), Origins())
    api = FastAPI()
    nobody: Any = NotGiven()
    api.state.use_cases = UseCases(AccessControl(nobody, nobody, guard))
    api.add_middleware(
        RequestMiddleware, request_bytes_max=100, counting=partial(counting_refusals, guard), cors=Cors(["*"])
    )
    add_error_handlers(api)

    @api.get("/good", dependencies=[OTHERWISE])
    async def good() -> str:
        return "good"

    @api.get("/probe", dependencies=[PROBING])
    async def probe() -> str:
        return "alive"

    @api.post("/body")
    async def body(_body: Body) -> str:
        return "read"

    @api.get("/counted-422", dependencies=[OTHERWISE])
    async def counted() -> None:
        raise HTTPException(422)

    @api.get("/bad-token")
    async def bad() -> None:
        raise Unauthorized("Not ours.", "invalid_token")

    @api.get("/over/{code}")
    async def over(code: str) -> None:
        raise Unauthorized("It was good once.", code)

    @api.get("/alice")
    async def alice(request: Request) -> None:
        await use_case(request, AccessControl).count(request, Limit.READS, ALICE)
        raise HTTPException(404)

    return api


async def ask(api: FastAPI, path: str, address: str = STRANGER, body: bytes | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(api, client=(address, 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://murmur") as client:
        headers = {"content-type": "application/json"} if body is not None else {}
        return await client.request("GET" if body is None else "POST", path, content=body, headers=headers)


async def test_refusals_of_every_kind_fill_one_bucket_of_an_address() -> None:
    api = service(refusals_per_quarter_hour=6)
    statuses = [(await ask(api, path)).status_code for path in REFUSED]
    statuses += [(await ask(api, "/body", body=body)).status_code for body in (b"{", b"[1]", b"x" * 101)]
    assert statuses == [404, 401, 422, 400, 422, 413]
    for path in REFUSED:
        answer = await ask(api, path)
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert (answer.headers["retry-after"], answer.headers["x-ratelimit-limit"]) == ("150", "6")
        assert len(answer.headers.get_list("x-ratelimit-remaining")) == 1
        assert "www-authenticate" not in answer.headers
    for body in (b"{", b"[1]", b"x" * 101):
        assert (await ask(api, "/body", body=body)).status_code == 429


async def test_a_good_request_is_answered_however_much_was_refused_at_its_address() -> None:
    api = service(refusals_per_quarter_hour=1)
    for _ in range(5):
        await ask(api, "/nowhere")
    assert (await ask(api, "/good")).status_code == 200
    assert (await ask(api, "/body", body=b'{"text": "a"}')).status_code == 200
    assert (await ask(api, "/nowhere", NEIGHBOUR)).status_code == 404


@pytest.mark.parametrize("code", ["expired_token", "session_ended"])
async def test_who_shows_a_token_that_was_good_once_is_told_so_and_counted_with_the_rest(code: str) -> None:
    api = service(refusals_per_quarter_hour=1, address_per_quarter_hour=3)
    await ask(api, "/nowhere")
    assert [(await ask(api, path)).status_code for path in ("/nowhere", *[f"/over/{code}"] * 4)] == [
        429,
        401,
        401,
        401,
        429,
    ]
    assert (await ask(api, "/good")).status_code == 429


async def test_what_a_user_is_refused_was_counted_for_the_user() -> None:
    api = service(refusals_per_quarter_hour=1, reads_per_quarter_hour=3)
    assert [(await ask(api, "/alice")).status_code for _ in range(4)] == [404, 404, 404, 429]


async def test_requests_are_counted_by_how_they_were_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", counted)
    api = service(refusals_per_quarter_hour=1)
    for _ in range(3):
        await ask(api, "/nowhere")
    assert counted.total(metrics.REQUESTS, route="unmatched", status="404") == 1
    assert counted.total(metrics.REQUESTS, route="unmatched", status="429") == 2
    assert counted.total(metrics.RATE_LIMITED, limit="refusals") == 2


async def test_who_looks_whether_we_live_is_counted_unless_it_is_one_of_us() -> None:
    api = service(reads_per_quarter_hour=2)
    assert [(await ask(api, "/probe")).status_code for _ in range(3)] == [200, 200, 429]
    assert {(await ask(api, "/probe", OPERATOR)).status_code for _ in range(10)} == {200}
