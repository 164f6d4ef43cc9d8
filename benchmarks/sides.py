"""Servers that are measured beside each other: whole systems, and servers of one process."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.system import wait_ready, whole_system
from cluster.embedded.ports import PortBlock, is_free
from cluster.embedded.processes import ChildProcess
from cluster.embedded.ray_environment import ROOT
from cluster.errors import NotReady
from cluster.settings import environment
from cluster.waiting import wait_until

OURS = "Murmur"
"""The system of this checkout."""
_SMALL_READY_S = 30.0
_STOP_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A running server."""

    name: str
    url: str
    pid: int
    """The process from which all others of it descend."""
    folder: Path


@contextmanager
def whole(name: str, checkout: Path = ROOT) -> Iterator[Side]:
    """A system of a checkout with stores of its own, ready; stopped and forgotten afterwards."""
    with _folder_and_port() as (folder, port):
        url = f"http://127.0.0.1:{port}"
        system = whole_system(folder, url, checkout=checkout)
        try:
            wait_ready(system, url)
            yield Side(name=name, url=url, pid=system.pid, folder=folder)
        finally:
            system.stop(_STOP_S)


@contextmanager
def small(name: str, module: str, *words: str) -> Iterator[Side]:
    """A server of one process, `python -m module`, with a port and the folder in place of `{port}` and `{folder}`."""
    with _folder_and_port() as (folder, port):
        filled = [word.format(port=port, folder=folder) for word in words]
        log = folder / "log"
        server = ChildProcess(name, [sys.executable, "-m", module, *filled], log, environment(), ROOT)
        try:
            if not wait_until(lambda: not is_free(port), _SMALL_READY_S):
                raise NotReady(f"{name} does not listen: {log.read_text()[-500:]}")
            yield Side(name=name, url=f"http://127.0.0.1:{port}", pid=server.pid, folder=folder)
        finally:
            server.stop(_STOP_S)


def revision(checkout: Path) -> str:
    """A short name of what is checked out there."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


@contextmanager
def _folder_and_port() -> Iterator[tuple[Path, int]]:
    """A folder, which is kept with the logs in it if something fails, and a port."""
    folder, ports = Path(tempfile.mkdtemp(prefix="murmur-bench-")), PortBlock()
    try:
        yield folder, ports.port()
    finally:
        ports.release()
    shutil.rmtree(folder, ignore_errors=True)
