"""What HAProxy refuses of a client, what it drops, and in which words it says so."""

from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from tests.support.haproxy import HOST, dialled, in_envelope, read_answer, running_haproxy


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_haproxy(tmp_path_factory.mktemp("haproxy")) as client:
        yield client


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 65537\r\n\r\n",
        b"Content-Length: 1000000\r\n\r\n" + b"." * 1_000_000,
        b"Transfer-Encoding: chunked\r\n\r\n" + (b"4000\r\n" + b"." * 16_384 + b"\r\n") * 5,
        b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 70_000,
    ],
    ids=["announced", "announced and sent", "growing", "growing by one"],
)
def test_a_body_that_is_too_large_reaches_no_replica(haproxy: httpx.Client, sent: bytes) -> None:
    with dialled(haproxy) as connection:
        with suppress(ConnectionError):  # HAProxy has heard enough
            connection.sendall(b"POST /hangs HTTP/1.1\r\nHost: murmur\r\n" + sent)
        assert in_envelope(read_answer(connection)) == (413, "body_too_large")


@pytest.mark.parametrize("body", [b"." * 65_536, [b"."] * 65_536], ids=["announced", "in chunks of one"])
def test_the_largest_body_passes_beside_large_headers(haproxy: httpx.Client, body: bytes | list[bytes]) -> None:
    sent = b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 65_536 + b"0\r\n\r\n"
    if isinstance(body, bytes):
        sent = b"Content-Length: 65536\r\n\r\n" + body
    with dialled(haproxy) as connection:
        connection.sendall(b"POST /503 HTTP/1.1\r\nHost: murmur\r\nConnection: close\r\nX-Large: " + b"." * 30_000)
        connection.sendall(b"\r\n" + sent)
        assert in_envelope(read_answer(connection)) == (503, "overloaded"), "as the replica said"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_request"),
        (b"GET /\r\n\r\n", 400, "malformed_request"),
        ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(), 400, "malformed_request"),
        (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"no colon\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n", 400, "malformed_request"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", 400, "malformed_request"),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\n" + HOST + b"Host: other\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "malformed_request"),
        (b"GET nowhere HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 400, "malformed_request"),
        (b"CONNECT murmur:80 HTTP/1.1\r\nHost: murmur:80\r\nConnection: close\r\n\r\n", 400, "malformed_request"),
        (b"GET /%s HTTP/1.1\r\nConnection: close\r\n%s\r\n" % (b"a" * 9_000, HOST), 414, "uri_too_long"),
        (b"GET /%s HTTP/1.1\r\nConnection: close\r\n%s\r\n" % (b"a" * 100_000, HOST), 414, "uri_too_long"),
        (b"GET /%s HTTP/1.1\r\n%s\r\n" % (b"a" * 200_000, HOST), 400, "malformed_request"),
        (
            b"GET / HTTP/1.1\r\nConnection: close\r\n" + HOST + b"X-Large: " + b"a" * 40_000 + b"\r\n\r\n",
            431,
            "headers_too_large",
        ),
        (
            b"GET / HTTP/1.1\r\nConnection: close\r\n" + HOST + b"X: 1\r\n" * 5_000 + b"\r\n",
            431,
            "headers_too_large",
        ),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501, "not_implemented"),
        (b"GET / HTTP/9.9\r\nConnection: close\r\n" + HOST + b"\r\n", 505, "http_version_not_supported"),
        (b"PRI * HTTP/2.0\r\nConnection: close\r\n\r\n", 400, "malformed_request"),
        (b"GET /-/healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404, "not_found"),
        (b"GET /-/ROUTES HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404, "not_found"),
        (b"GET /%2d/healthz HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n", 404, "not_found"),
    ],
)
def test_what_haproxy_refuses_is_answered_in_the_envelope(
    haproxy: httpx.Client, sent: bytes, status: int, code: str
) -> None:
    with dialled(haproxy) as connection:
        with suppress(ConnectionError):  # HAProxy has heard enough
            connection.sendall(sent)
        assert in_envelope(read_answer(connection)) == (status, code)


def test_what_is_no_http_is_answered_after_good_requests_too(haproxy: httpx.Client) -> None:
    with dialled(haproxy) as connection:
        connection.sendall(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 204")
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert in_envelope(read_answer(connection)) == (400, "malformed_request")


def test_what_serve_obeys_in_headers_is_not_for_clients(haproxy: httpx.Client) -> None:
    """Each of them is read by Ray Serve from any client; - and _ are the same to it."""
    obeyed = [
        "X-Request-Timeout-Seconds",
        "x-request-disconnect-disabled",
        "serve_multiplexed_model_id",
        "Serve-Multiplexed_Model-Id",
        "X-Session-Id",
        "x_session_id",
        "Traceparent",
        "Tracestate",
        "Upgrade",
    ]
    method, passed = haproxy.get("/echo", headers=[*((name, "1") for name in obeyed), ("X-Mine", "1")]).json()
    assert method == "GET"
    assert "x-mine" in passed
    ours = {"x-request-timeout-seconds": "0", "x-request-disconnect-disabled": "?1"}
    assert {name: passed[name] for name in {*map(str.lower, obeyed)} & {*passed}} == ours


@pytest.mark.parametrize("method", ["BREW", "get", "TRACE", "PROPFIND"])
def test_a_method_that_no_parser_knows_is_one_that_no_route_takes(haproxy: httpx.Client, method: str) -> None:
    with dialled(haproxy) as connection:
        connection.sendall(method.encode() + b" /echo HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        assert b'["TRACE", ' in read_answer(connection)
