"""What the service answers to requests that are wrong.

Whatever the mistake, the answer is JSON of one shape, says what was wrong in a sentence and in a stable code, carries
the request's id, and is never a 500. Alice asks, Bob wrote a tweet.
"""

import json
import socket
from collections.abc import AsyncIterator
from typing import NamedTuple

import httpx
import pytest

from tests.e2e.bad_input import (
    BOB,
    HOME,
    JSON,
    LOGIN,
    PUBLIC,
    REFRESH,
    REGISTER,
    TABLE,
    TWEET,
    TWEETS,
    UNKNOWN,
    USER,
    Bad,
)
from tests.e2e.conftest import PASSWORD
from tests.support.system import RunningSystem

ROWS = [pytest.param(bad, id=f"{kind}: {bad.what[:60]}") for kind, table in TABLE.items() for bad in table]


class World(NamedTuple):
    """What Alice sends to be known, and what the words in angle brackets stand for."""

    alice: dict[str, str]
    words: dict[str, str]

    def filled(self, text: str) -> str:
        for word, meaning in self.words.items():
            text = text.replace(word, meaning)
        return text


def signed_up(client: httpx.Client, username: str) -> tuple[dict[str, str], str]:
    body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
    answer = client.post(REGISTER, json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}, answer.json()["user"]["id"]


@pytest.fixture(scope="session")
def world(system: RunningSystem) -> World:
    with httpx.Client(base_url=system.endpoints.http_url, timeout=30) as client:
        alice, alice_id = signed_up(client, "careless_alice")
        bob, bob_id = signed_up(client, BOB)
        tweet = client.post(TWEETS, json={"text": "hello"}, headers=bob)
    return World(alice, {"<alice>": alice_id, "<bob>": bob_id, "<tweet>": tweet.json()["id"]})


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), 10_000):
        yield content[at : at + 10_000]


async def answer_to(bad: Bad, api: httpx.AsyncClient, world: World) -> httpx.Response:
    content: bytes | AsyncIterator[bytes] | None = bad.raw
    headers = {**(world.alice if bad.signed_in else {}), "X-Request-ID": "bad-input", **bad.headers}
    if bad.json is not None:
        content = world.filled(json.dumps(bad.json)).encode()
        headers |= JSON
    elif bad.chunked and bad.raw is not None:
        content = in_chunks(bad.raw)
    return await api.request(bad.method, world.filled(bad.path), content=content, headers=headers)


@pytest.mark.parametrize("bad", ROWS)
async def test_bad_input_is_answered_in_kind(bad: Bad, api: httpx.AsyncClient, world: World) -> None:
    response = await answer_to(bad, api, world)
    assert response.headers["Content-Type"] == "application/json", response.text
    envelope = response.json()
    assert (response.status_code, envelope["code"]) == (bad.status, bad.code), envelope
    assert set(envelope) == {"error", "code", "request_id"} | ({"fields"} if bad.status == 422 else set())
    assert envelope["error"].endswith(".")
    assert envelope["request_id"] == response.headers["X-Request-ID"] == "bad-input"
    assert bad.fields <= set(envelope.get("fields", {}))
    if bad.status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (TWEET, "DELETE, GET, HEAD, OPTIONS"),
        (f"{USER}/follow", "DELETE, OPTIONS, POST"),
        (HOME, "GET, HEAD, OPTIONS"),
        (LOGIN, "OPTIONS, POST"),
        ("/static-offline-docs/favicon.png", "GET, HEAD, OPTIONS"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(
    path: str, methods: str, api: httpx.AsyncClient, world: World
) -> None:
    for wrong in ("PUT", "BREW", "TRACE"):
        response = await api.request(wrong, world.filled(path))
        assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
        assert response.headers["Allow"] == methods
    asked = await api.options(world.filled(path))
    assert (asked.status_code, asked.headers["Allow"]) == (204, methods)


async def test_a_request_id_that_is_not_sane_is_replaced(api: httpx.AsyncClient) -> None:
    response = await api.get("/api/v1/nothing", headers={"X-Request-ID": "<script>"})
    assert response.json()["request_id"] == response.headers["X-Request-ID"] != "<script>"


async def test_a_limit_beyond_the_most_gives_the_most(api: httpx.AsyncClient) -> None:
    assert (await api.get(PUBLIC, params={"limit": 1_000_000})).status_code == 200


async def test_the_answer_to_unknown_fields_names_a_few_of_them(api: httpx.AsyncClient, world: World) -> None:
    body = {"text": "with more", **{f"made_up_{n}_{'x' * 100}": n for n in range(40)}}
    envelope = (await api.post(TWEETS, json=body, headers=world.alice)).json()
    assert len(envelope["fields"]) == 20
    assert len(json.dumps(envelope)) < 5_000


async def test_what_was_refused_spends_no_key(api: httpx.AsyncClient, world: World) -> None:
    headers = {**world.alice, "Idempotency-Key": "spent-by-nothing"}
    refused = [{"text": "a", "reply_to_id": UNKNOWN}, {"text": "a", "quote_of_id": UNKNOWN}, {"text": ""}, {"txt": "a"}]
    for body in refused:
        assert (await api.post(TWEETS, json=body, headers=headers)).status_code == 422
    made = await api.post(TWEETS, json={"text": "made with the same key"}, headers=headers)
    assert made.status_code == 201, made.text


async def test_a_key_stands_for_one_body(api: httpx.AsyncClient, world: World) -> None:
    headers = {**world.alice, "Idempotency-Key": "the-same"}
    first = await api.post(TWEETS, json={"text": "once"}, headers=headers)
    again = await api.post(TWEETS, json={"text": "once"}, headers=headers)
    other = await api.post(TWEETS, json={"text": "twice"}, headers=headers)
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_refresh_token_is_good_for_one_use(api: httpx.AsyncClient, world: World) -> None:
    session = (await api.post(LOGIN, json={"email": f"{BOB}@example.com", "password": PASSWORD})).json()
    first = {"refresh_token": session["refresh_token"]}
    second = {"refresh_token": (await api.post(REFRESH, json=first)).json()["refresh_token"]}
    for used in (first, second):
        response = await api.post(REFRESH, json=used)
        assert (response.status_code, response.json()["code"]) == (401, "invalid_refresh_token")


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\na header without a colon\r\n\r\n", 400, "malformed_request"),
        ("GET /api/v1/timeline/hashtag/ä HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "malformed_request"),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + b"A: 1\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "not_implemented"),
        (b"GET /-/routes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "not_found"),
    ],
    ids=["no HTTP", "no colon", "raw UTF-8", "two hosts", "a long line", "many headers", "a coding", "Serve's own"],
)
def test_what_haproxy_refuses_is_answered_in_kind(system: RunningSystem, sent: bytes, status: int, code: str) -> None:
    url = httpx.URL(system.endpoints.http_url)
    with socket.create_connection((url.host, url.port or 80), timeout=30) as connection:
        connection.sendall(sent)
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    envelope = json.loads(body)
    assert (envelope["code"], set(envelope)) == (code, {"error", "code", "request_id"})


async def test_a_client_cannot_lift_the_time_limit_of_its_request(api: httpx.AsyncClient) -> None:
    headers = {"X-Request-Timeout-Seconds": "0.000001", "X-Request-Disconnect-Disabled": "?1"}
    assert (await api.get(PUBLIC, headers=headers)).status_code == 200
