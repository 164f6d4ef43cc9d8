"""What is true of every request, seen through the thinnest possible applications."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http.cors import Cors
from serve.http.errors import writing
from serve.http.middleware import RequestMiddleware
from serve.http.scope import add_headers
from telemetry import logs, metrics

BYTES_MAX = 10


@dataclass
class Answer:
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""


async def ask(
    app: ASGIApp,
    *,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    chunks: tuple[bytes, ...] = (b"",),
    method: str = "POST",
    path: str = "/",
    origins: tuple[str, ...] = ("*",),
) -> Answer:
    messages: Iterator[Message] = iter(
        {"type": "http.request", "body": chunk, "more_body": at + 1 < len(chunks)} for at, chunk in enumerate(chunks)
    )
    answer = Answer()

    async def receive() -> Message:
        return next(messages)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], dict(message["headers"])
        else:
            answer.body += message.get("body", b"")

    scope: Scope = {"type": "http", "method": method, "path": path, "headers": list(headers), "query_string": b""}
    await RequestMiddleware(app, BYTES_MAX, lambda _scope, _receive, send: send, Cors(origins))(scope, receive, send)
    return answer


async def says_its_id(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(logs.request_id.get())(scope, receive, send)


async def measures_its_body(scope: Scope, receive: Receive, send: Send) -> None:
    try:
        size = len(await Request(scope, receive).body())
    except HTTPException as error:
        await PlainTextResponse("", error.status_code)(scope, receive, send)
    else:
        await PlainTextResponse(str(size))(scope, receive, send)


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    raise ZeroDivisionError("a secret")


@pytest.mark.parametrize("sane", [b"abc", b"A.b_c-9", b"x" * 64])
async def test_a_sane_request_id_is_kept(sane: bytes) -> None:
    answer = await ask(says_its_id, headers=((b"x-request-id", sane),))
    assert answer.body == answer.headers[b"x-request-id"] == sane


@pytest.mark.parametrize("insane", [b"", b"x" * 65, b"a b", b'"}', b"a\xff", b"\xc3\xa9"])
async def test_any_other_is_replaced(insane: bytes) -> None:
    answer = await ask(says_its_id, headers=((b"x-request-id", insane),))
    assert re.fullmatch(rb"[0-9a-f]{24}", answer.body)
    assert answer.headers[b"x-request-id"] == answer.body


async def test_the_id_ends_with_the_request() -> None:
    await ask(says_its_id)
    assert logs.request_id.get() == ""


async def test_each_request_begins_without_having_written() -> None:
    async def says_and_writes(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(str(writing.get()))(scope, receive, send)
        writing.set(True)

    assert [(await ask(says_and_writes)).body for _ in range(2)] == [b"False"] * 2


async def test_a_mistake_of_ours_is_an_envelope_without_its_reason() -> None:
    answer = await ask(fails, headers=((b"x-request-id", b"abc"),))
    assert answer.status == 500
    assert orjson.loads(answer.body)["code"] == "internal_error"
    assert orjson.loads(answer.body)["request_id"] == answer.headers[b"x-request-id"].decode() == "abc"
    assert b"secret" not in answer.body


@pytest.mark.parametrize("chunks", [(b"x" * BYTES_MAX,), (b"x" * 5, b"x" * 5)])
async def test_a_body_of_the_largest_size_passes(chunks: tuple[bytes, ...]) -> None:
    assert (await ask(measures_its_body, chunks=chunks)).body == b"10"


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    answer = await ask(fails, headers=((b"content-length", b"11"),))
    assert (answer.status, orjson.loads(answer.body)["code"]) == (413, "body_too_large")
    assert b"x-request-id" in answer.headers


async def test_a_body_that_does_not_say_so_is_stopped() -> None:
    assert (await ask(measures_its_body, chunks=(b"x" * 6, b"x" * 6, b"x" * 6))).status == 413


@pytest.mark.parametrize("length", [b"-1", b"1e9", b"", b"9" * 1_000])
async def test_a_length_that_is_no_number_is_harmless(length: bytes) -> None:
    answer = await ask(measures_its_body, headers=((b"content-length", length),))
    assert answer.status == (413 if length.isdigit() else 200)


async def test_headers_can_be_added_to_whatever_the_answer_will_be() -> None:
    async def adds_and_fails(scope: Scope, receive: Receive, send: Send) -> None:
        add_headers(scope, [(b"x-ratelimit-limit", b"5")])
        raise ZeroDivisionError

    answer = await ask(adds_and_fails)
    assert (answer.status, answer.headers[b"x-ratelimit-limit"]) == (500, b"5")


async def test_requests_are_counted_by_route_and_never_by_address(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", counted)
    await ask(says_its_id)
    assert counted.total(metrics.REQUESTS, route="unmatched", status="200") == 1


async def says_its_method(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(scope["method"])(scope, receive, send)


async def streams(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b"b"})


async def is_tagged(scope: Scope, receive: Receive, send: Send) -> None:
    headers = [(b"content-length", b"2"), (b"content-type", b"text/plain"), (b"etag", b'"a-tag"')]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await send({"type": "http.response.body", "body": b"b"})


@pytest.mark.parametrize(
    ("had", "is_had"),
    [
        ((b'"a-tag"',), True),
        ((b'W/"a-tag"',), True),
        ((b'"other", "a-tag"',), True),
        ((b'"other",W/"a-tag" , "more"',), True),
        ((b'"other"', b'"a-tag"'), True),
        ((b"*",), True),
        ((b" * ",), True),
        ((b'"other"',), False),
        ((b'"other, a-tag"',), False),
        ((b"a-tag",), False),
        ((b'"A-TAG"',), False),
        ((b'"*"',), False),
        ((b"",), False),
        ((b'"a-tag',), False),
    ],
)
async def test_what_the_client_has_is_not_sent_again(had: tuple[bytes, ...], is_had: bool) -> None:
    headers = tuple((b"if-none-match", tag) for tag in had)
    whole = await ask(is_tagged, method="GET")
    for method in ("GET", "HEAD"):
        answer = await ask(is_tagged, method=method, headers=headers)
        assert answer.status == (304 if is_had else 200)
        assert answer.body == (b"ab" if not is_had and method == "GET" else b"")
        left = whole.headers.keys() - ({b"content-length", b"content-type"} if is_had else set())
        assert answer.headers.keys() == left
        assert {name: answer.headers[name] for name in left - {b"x-request-id"}} == {
            name: whole.headers[name] for name in left - {b"x-request-id"}
        }
    for app in (says_its_id, fails):
        assert (await ask(app, method="GET", headers=headers)).status in (200, 500), "it has no tag"
    assert (await ask(is_tagged, method="POST", headers=headers)).status == 200


async def test_a_304_is_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", counted)
    await ask(is_tagged, method="GET", headers=((b"if-none-match", b"*"),))
    assert counted.total(metrics.REQUESTS, route="unmatched", status="304") == 1


async def keeps_to_itself(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Cache-Control": "public", "Vary": "Origin", "Content-Security-Policy": "default-src 'self'"}
    await PlainTextResponse("", headers=headers)(scope, receive, send)


async def test_head_is_get_with_the_same_headers_and_no_body() -> None:
    get, head = [await ask(says_its_method, method=method) for method in ("GET", "HEAD")]
    assert (get.body, head.body) == (b"GET", b"")
    assert head.headers.keys() == get.headers.keys()
    assert head.headers[b"content-length"] == b"3"
    streamed = await ask(streams, method="HEAD")
    assert (streamed.headers[b"content-length"], streamed.body) == (b"2", b"")


@pytest.mark.parametrize("app", [says_its_id, fails, measures_its_body])
@pytest.mark.parametrize("length", [b"0", b"11"])
async def test_every_answer_says_that_it_belongs_to_a_reader(app: ASGIApp, length: bytes) -> None:
    answer = await ask(app, headers=((b"content-length", length),))
    assert answer.headers[b"cache-control"] == b"private, no-cache"
    assert answer.headers[b"vary"] == b"Authorization, Origin"
    assert answer.headers[b"x-content-type-options"] == b"nosniff"
    assert answer.headers[b"content-security-policy"] == b"default-src 'none'; frame-ancestors 'none'"


async def test_what_a_route_says_of_its_answer_stays() -> None:
    answer = await ask(keeps_to_itself)
    assert answer.headers[b"cache-control"] == b"public"
    assert answer.headers[b"vary"] == b"Origin"
    assert answer.headers[b"content-security-policy"] == b"default-src 'self'"


@pytest.mark.parametrize("app", [says_its_id, fails])
async def test_tokens_are_stored_nowhere(app: ASGIApp) -> None:
    assert (await ask(app, path="/api/v1/auth/login")).headers[b"cache-control"] == b"no-store"


@pytest.mark.parametrize("app", [says_its_id, fails])
async def test_any_page_may_read_unless_some_are_named(app: ASGIApp) -> None:
    ours, other = b"https://app.example", b"https://other.example"
    asked_by = {origin: ((b"origin", origin),) if origin else () for origin in (b"", ours, other)}
    for headers in asked_by.values():
        open_to_all = await ask(app, headers=headers)
        assert open_to_all.headers[b"access-control-allow-origin"] == b"*"
        assert b"X-Request-ID" in open_to_all.headers[b"access-control-expose-headers"]
    answers = {
        origin: await ask(app, headers=headers, origins=(ours.decode(),)) for origin, headers in asked_by.items()
    }
    allowed = {origin: answer.headers.get(b"access-control-allow-origin") for origin, answer in answers.items()}
    assert allowed == {b"": None, ours: ours, other: None}
    assert not any(b"access-control-allow-credentials" in answer.headers for answer in answers.values())
