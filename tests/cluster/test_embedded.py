"""The local Cassandra and Redis, as `up` starts them."""

import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from cassandra.cluster import Cluster, Session

from cluster.commands.down import stop_running
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock, is_free, require_free
from cluster.embedded.redis import EmbeddedRedis
from cluster.errors import AlreadyRunning, EmbeddedError, NotRunning
from cluster.settings import environment
from cluster.state import FolderLock, RunState
from cluster.waiting import wait_until
from tests.support.stores import options_of
from tests.support.system import endpoints_on

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 15.0


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.release()


_TIMEOUT_S = 60.0  # the machine may be busy with other tests


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
    timeouts = {"connect_timeout": _TIMEOUT_S, "control_connection_timeout": _TIMEOUT_S}
    with Cluster(**options_of(node, "system").cluster_arguments(), **timeouts) as driver:
        session = driver.connect()
        session.default_timeout = _TIMEOUT_S
        yield session


def test_cassandra_keeps_its_data_over_a_restart_on_other_ports(tmp_path: Path, ports: PortBlock) -> None:
    with cassandra_on(tmp_path, ports) as first, session_on(first) as session:
        session.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
        session.execute("CREATE TABLE k.t (id int PRIMARY KEY, text text)")
        session.execute("INSERT INTO k.t (id, text) VALUES (1, 'kept')")
        sync = session.execute("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'").one().value
        assert sync == "group", "what is acknowledged is on disk, which only a loss of power would tell"
    assert not first.answers()
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
        with pytest.raises(EmbeddedError, match=f"Port {server.port} .* set MURMUR_HTTP_PORT"):
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
        timeout=_TIMEOUT_S,
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


LEAVES_TWO = "import subprocess; [subprocess.Popen(['sleep', s]) for s in ('1', '600')]"
LATE_ORPHAN = "sleep 600 & sleep 1; (sleep 0.2 &); sleep 0.5; touch passed; exec sleep 600"
LEAVES_ONE = f"import subprocess; subprocess.Popen(['sh', '-c', '{LATE_ORPHAN}'])"
STARTS = """
import os, subprocess, sys
subprocess.run([*sys.argv[1:4], str(os.getpid()), *sys.argv[4:]], start_new_session=True)
"""


@pytest.mark.parametrize("how", ["by itself", "asked to", "its parent is gone"])
def test_what_a_program_leaves_behind_ends_together(how: str, tmp_path: Path) -> None:
    guard = [sys.executable, "-IS", str(ROOT / "cluster/embedded/group_guard.py")]
    program = [sys.executable, "-c", LEAVES_TWO if how == "by itself" else LEAVES_ONE]
    with subprocess.Popen([sys.executable, "-c", STARTS, *guard, *program], cwd=tmp_path) as parent:

        def sleeping() -> list[psutil.Process]:
            found = psutil.Process(parent.pid).children(recursive=True)
            return [process for process in found if process.is_running() and process.cmdline() == ["sleep", "600"]]

        if how == "by itself":
            assert wait_until(lambda: len(sleeping()) == 1, _TIMEOUT_S)
        else:  # what comes to it later, as its parent has ended, may end alone
            assert wait_until(lambda: (tmp_path / "passed").exists() and len(sleeping()) == 2, _TIMEOUT_S)
        left, (guarding,) = sleeping(), psutil.Process(parent.pid).children()
        if how == "asked to":
            guarding.terminate()
        elif how == "its parent is gone":
            parent.kill()
        _, alive = psutil.wait_procs([guarding, *left], timeout=_TIMEOUT_S)
        assert alive == []
