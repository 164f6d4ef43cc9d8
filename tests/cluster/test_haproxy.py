"""What HAProxy bounds, and what it answers by itself, seen by its clients."""

import asyncio
import re
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from cluster.embedded.haproxy_launcher import adapt
from tests.support.haproxy import HOST, PATIENCE_S, Replica, dialled, in_envelope, read_answer, running_haproxy

_SLOW_BODY = b"a few words at a time"


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_haproxy(tmp_path_factory.mktemp("haproxy")) as client:
        yield client


def test_haproxy_forwards_addresses_and_keeps_its_statistics_private() -> None:
    written = (
        "frontend prometheus\n    bind :9101\nfrontend http_frontend\n    bind *:8000\nlisten stats\n  bind *:8404\n"
    )
    adapted = adapt(written, ["9101", "8404"])
    assert "    bind 127.0.0.1:9101\n" in adapted
    assert "  bind 127.0.0.1:8404\n" in adapted
    assert "    bind *:8000 proto h1\n" in adapted
    assert "set-header X-Forwarded-For %[src]" in adapted
    assert adapt(adapted, ["9101", "8404"]) == adapted
    assert "stick-table" not in adapted, "no limits unless they are on"
    assert "stick-table" in adapt(written, [], ["127.0.0.1", "10.0.0.0/8", "::1"])
    named = adapt(written, [], ["10.0.0.1", "::1"])
    assert adapt(written, [], ["10.0.0.1", " ::1", ""]) == named, "as an operator may write them"
    assert adapt(written, [], [""]) == adapt(written, [], ["127.0.0.1"])
    assert "    hash-balance-factor 150\n" in adapt("defaults\n    balance leastconn\n", [])
    assert "timeout http-keep-alive 60s" in adapt("defaults\n    timeout http-keep-alive 90s\n", [])


def test_what_ray_writes_for_its_log_is_left_out() -> None:
    written = [
        "    log 127.0.0.1:514 local0 info",
        "    option httplog",
        "    log global",
        "    no log",
        "    log /somewhere/metrics.sock len 8192 format rfc5424 local1 debug",
        '    log-format-sd "%{+Q,+E}o [serve@1 app=%[var(txn.serve_app)] method=%HM status=%ST]"',
        "    http-request set-var-fmt(txn.serve_app) murmur if is_murmur !{ var(txn.serve_app) -m found }",
    ]
    kept = ["    option log-health-checks", "    http-request set-log-level debug if routes"]
    assert adapt("\n".join(written + kept), []).split("\n") == [*[""] * len(written), *kept, ""]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/nobody", 503, "overloaded"),
        ("/no-app", 503, "overloaded"),
        ("/hangs-up", 502, "no_answer"),
        ("/hangs", 504, "no_answer"),
        ("/503", 503, "overloaded"),
        ("/500", 503, "no_answer"),
        ("/408", 503, "no_answer"),
        ("/400", 400, "malformed_request"),
    ],
)
def test_what_haproxy_and_ray_answer_by_themselves_has_the_shape_of_our_failures(
    haproxy: httpx.Client, path: str, status: int, code: str
) -> None:
    answer = haproxy.get(path, headers={"X-Request-ID": "mine"})
    assert answer.headers["Content-Type"] == "application/json", answer.text
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"].endswith(".")
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"] == "mine"
    assert ("Retry-After" in answer.headers) is (status >= 500)


async def test_what_a_replica_cannot_take_waits_in_a_line_with_an_end(haproxy: httpx.Client) -> None:
    at_once, in_line, too_many = 32, 32, 10
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=haproxy.base_url, timeout=PATIENCE_S, limits=limits) as crowd:
        served = [asyncio.create_task(crowd.get("/waits")) for _ in range(at_once)]
        for _ in served:
            assert await asyncio.to_thread(Replica.waiting.acquire, timeout=PATIENCE_S)
        pending = {asyncio.create_task(crowd.get("/waits")) for _ in range(in_line + too_many)}
        refused: set[asyncio.Task[httpx.Response]] = set()
        while len(refused) < too_many:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert not any(task.done() for task in served)
        assert not Replica.waiting.acquire(blocking=False), "nobody else has reached the replica"
        strangers = await crowd.get("/healthz", headers={"X-Forwarded-For": "203.0.113.9"})
        assert strangers.status_code == 503, "nobody else goes first by asking how we are"
        probe = asyncio.create_task(crowd.get("/healthz"))
        Replica.served.set()
        assert [(await task).status_code for task in (*served, probe)] == [200] * (at_once + 1)
        for refusal in [await task for task in refused]:
            assert (refusal.status_code, refusal.json()["code"]) == (503, "overloaded")
            assert refusal.headers["Retry-After"] == "2"
            assert refusal.json()["request_id"] == refusal.headers["X-Request-ID"]
        assert {(await task).status_code for task in pending} <= {200, 503}, "a place in the line is kept for 2 s"


def test_an_answer_that_nobody_reads_leaves_its_place(haproxy: httpx.Client) -> None:
    address = (haproxy.base_url.host, haproxy.base_url.port)
    with ExitStack() as opened:
        for _ in range(2 * 32):
            client = opened.enter_context(socket.socket())
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)  # or the kernel has room for megabytes
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(address)
            client.sendall(b"GET /long HTTP/1.1\r\nHost: murmur\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 200"
        assert haproxy.get("/slow").status_code == 200


def test_a_request_takes_a_place_when_all_of_it_is_here(haproxy: httpx.Client) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: murmur\r\n"
    half = head + b"Content-Length: 65536\r\n\r\n" + b"." * 33_000
    chunk = head + b"Transfer-Encoding: chunked\r\n\r\n8000\r\n" + b"." * 32_768 + b"\r\n"
    slowly = head + b"Content-Length: %d\r\n\r\n" % len(_SLOW_BODY) + _SLOW_BODY[:1]
    with ExitStack() as opened:
        stuck = [opened.enter_context(dialled(haproxy)) for _ in range(3 * 32)]
        for connection, sent in zip(stuck, [half, chunk, b"GET / HT"] * 32, strict=True):
            connection.sendall(sent)
        slow = [opened.enter_context(dialled(haproxy)) for _ in range(32)]
        for connection in slow:
            connection.sendall(slowly)
        assert haproxy.get("/slow").status_code == 200
        for connection in slow:
            connection.sendall(_SLOW_BODY[1:])
        assert [connection.recv(12) for connection in slow] == [b"HTTP/1.1 200"] * len(slow)
        for connection in stuck:
            assert in_envelope(read_answer(connection)) == (408, "request_timeout")


def test_an_address_has_so_many_connections(haproxy: httpx.Client) -> None:
    most, silent = 100, 200
    with ExitStack() as opened, selectors.DefaultSelector() as ends:
        for _ in range(silent):
            with suppress(ConnectionResetError):  # it may be so quick
                ends.register(opened.enter_context(dialled(haproxy, "127.0.0.2")), selectors.EVENT_READ)
        while len(ends.get_map()) > most:
            ((key, _), *_) = ends.select(PATIENCE_S)
            assert isinstance(key.fileobj, socket.socket)
            with suppress(ConnectionResetError):
                assert key.fileobj.recv(1) == b"", "it is closed without a word"
            ends.unregister(key.fileobj)
        for address in ("127.0.0.3", "127.0.0.1"):
            with dialled(haproxy, address) as another:
                another.sendall(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
                assert another.recv(12) == b"HTTP/1.1 204"
        assert ends.select(0) == [], "the others stay"


def test_a_crowded_address_keeps_no_connection_for_later(haproxy: httpx.Client) -> None:
    with ExitStack() as opened:
        for _ in range(50):  # who was answered is counted, and may stay for longer than who says nothing
            kept = opened.enter_context(dialled(haproxy, "127.0.0.6"))
            kept.sendall(b"GET /200/ours HTTP/1.1\r\n" + HOST + b"\r\n")
            assert b"connection: close" not in read_answer(kept).lower()
        for _ in range(100):
            with dialled(haproxy, "127.0.0.6") as another:
                another.sendall(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
                assert b"connection: close" in read_answer(another).lower()
    assert haproxy.get("/200/ours").headers.get("Connection") is None


def answered(haproxy: httpx.Client, address: str, forwarded_for: str, requests: int) -> list[str]:
    """The statuses of so many requests, one after another on one connection, until one is 429."""
    headers = f"X-Forwarded-For: {forwarded_for}\r\n" if forwarded_for else ""
    found: list[str] = []
    with dialled(haproxy, address) as connection, connection.makefile("rb") as answers:
        while len(found) < requests and found[-1:] != ["429"]:
            connection.sendall(f"OPTIONS * HTTP/1.1\r\nHost: murmur\r\n{headers}\r\n".encode())
            found.append(answers.readline().split()[1].decode())
            while answers.readline() != b"\r\n":
                pass
    return found


def test_an_address_has_so_many_requests_in_a_while(haproxy: httpx.Client) -> None:
    most, never = 300, 3_000
    assert len(answered(haproxy, "127.0.0.4", "", never)) > most, "sooner or later there is an end"
    assert answered(haproxy, "127.0.0.4", "192.0.2.7", 1) == ["429"], "whatever a stranger says of itself"
    assert answered(haproxy, "127.0.0.5", "", 1) == ["204"]
    assert answered(haproxy, "127.0.0.1", "", 2 * most) == ["204"] * 2 * most, "a proxy has none"
    assert answered(haproxy, "127.0.0.1", "192.0.2.7, 198.51.100.1", never)[-1] == "429", "who is behind it has"
    assert answered(haproxy, "127.0.0.1", "198.51.100.1, 127.0.0.1", 1) == ["429"], "through two of them too"
    assert answered(haproxy, "127.0.0.1", "198.51.100.2", 1) == ["204"]
    assert answered(haproxy, "127.0.0.1", "2001:db8::1", never)[-1] == "429"
    assert answered(haproxy, "127.0.0.1", "2001:db8::ffff", 1) == ["429"], "an IPv6 customer has a /64"
    assert answered(haproxy, "127.0.0.1", "2001:db8:0:1::1", 1) == ["204"]


def test_a_client_that_asks_too_often_is_told_when_to_come_back(haproxy: httpx.Client) -> None:
    answered(haproxy, "127.0.0.1", "203.0.113.1", 3_000)
    refusal = haproxy.get("/200/ours", headers={"X-Forwarded-For": "203.0.113.1"})
    assert (refusal.status_code, refusal.json()["code"]) == (429, "rate_limited")
    assert refusal.headers["Retry-After"] == "10"


def test_what_haproxy_answers_by_itself_can_be_read_by_any_page(haproxy: httpx.Client) -> None:
    assert haproxy.get("/503").headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/200/ours", "/503/ours", "/404/ours", "/200"])
def test_our_own_answers_pass_as_they_are(haproxy: httpx.Client, path: str) -> None:
    answer = haproxy.get(path)
    assert (answer.status_code, answer.text) == (int(path[1:4]), "text")


@pytest.mark.parametrize("sent", ["<script>", "a, b", "x" * 65])
def test_a_request_id_that_is_not_sane_is_replaced_before_it_reaches_a_replica(
    haproxy: httpx.Client, sent: str
) -> None:
    for path in ("/200/ours", "/503"):
        assert re.fullmatch("[0-9a-f-]{36}", haproxy.get(path, headers={"X-Request-ID": sent}).headers["X-Request-ID"])
