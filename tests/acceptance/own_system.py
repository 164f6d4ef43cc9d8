"""A system for one run: started from the command line as a user would, in a temporary folder, gone afterwards."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, NoReturn, Self

import psutil

from cluster import readiness
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess
from cluster.embedded.ray_environment import ROOT
from cluster.endpoints import Endpoints
from cluster.errors import CommandFailed, NotReady
from cluster.settings import environment
from cluster.state import RunState, is_locked
from cluster.waiting import wait_until

Profile = Literal["default", "small"]

_READY_TIMEOUT_S = 300.0
"""Longer than `up` itself waits: it says why it gave up."""
_STOP_TIMEOUT_S = 20.0
_KILL_TIMEOUT_S = 10.0


class OwnSystem:
    """`python -m cluster up` in a process of its own, since Ray takes its settings once per process.

    Use as a context manager: at the end it is stopped and its folder removed, whatever happened.
    """

    def __init__(self, profile: Profile, say: Callable[[str], None]) -> None:
        self._say = say
        self._folder = Path(tempfile.mkdtemp(prefix="murmur-demo-"))
        self._data_dir = self._folder / "data"
        self._ports = PortBlock()
        self._environment = {
            **environment(),
            "MURMUR_HTTP_HOST": "127.0.0.1",
            "MURMUR_HTTP_PORT": str(self._ports.port()),
            "MURMUR_DATA_DIR": str(self._data_dir),
            "MURMUR_RATE_LIMITS": "off",
            "MURMUR_LIMITS": profile,
            "MURMUR_CASSANDRA_CONTACT_POINTS": "",
            "MURMUR_REDIS_URL": "",
            "RAY_ADDRESS": "",
        }
        self._process: ChildProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._ports.release()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> Endpoints:
        """Start it, again after a `kill_everything`; return when it is ready. Raises `ClusterError`."""
        command = [sys.executable, "-m", "cluster", "up"]
        log = self._folder / "up.log"
        self._process = process = ChildProcess("Murmur", command, log, self._environment, ROOT)
        self._say("Starting a system of its own.")
        url = f"http://127.0.0.1:{self._environment['MURMUR_HTTP_PORT']}"

        def is_ready() -> bool:
            process.require_running()
            return (self._data_dir / "run.json").exists() and readiness.ask(url).ready

        if not wait_until(is_ready, _READY_TIMEOUT_S, 0.2):
            raise NotReady(f"The system was not ready within {_READY_TIMEOUT_S:.0f} s; its log ends: {_tail(log)}")
        return RunState.read(self._data_dir).endpoints

    def stop(self) -> None:
        """Stop it in order. May be repeated."""
        if self._process is not None:
            self._say("Stopping the system.")
            self._process.stop(_STOP_TIMEOUT_S)
            self._process = None

    def keep_logs(self) -> None:
        """Copy what it has logged to where its end does not remove it, and say where that is."""
        kept = Path(tempfile.mkdtemp(prefix="murmur-demo-logs-"))
        shutil.copytree(self._data_dir / "logs", kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        self._say(f"Its logs are kept in {kept}.")

    async def run(self, *words: str) -> None:
        """Run a Python module beside the system, as a user would. Raises `CommandFailed`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *words,
            env=self._environment,
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise CommandFailed(f"{' '.join(words)} ended with {process.returncode}: {said.decode().strip()}")

    def kill_everything(self) -> int:
        """`kill -9` for every process of the system at one moment, stores included; how many there were."""
        assert self._process is not None, "start comes first"
        victims = self.processes()
        for victim in victims:
            _kill(victim)
        _, alive = psutil.wait_procs(victims, timeout=_KILL_TIMEOUT_S)
        assert not alive, f"not even SIGKILL ended {alive}"
        while late := self.processes():  # born while the others died
            for victim in late:
                _kill(victim)
            psutil.wait_procs(late, timeout=_KILL_TIMEOUT_S)
        self._process.stop(_KILL_TIMEOUT_S)
        self._process = None
        assert not is_locked(self._data_dir), "the kernel drops the lock with its holder"
        return len(victims)

    def processes(self) -> list[psutil.Process]:
        """The started process, its descendants, and those of them that were adopted by init.

        The adopted ones are known by the data folder in their environment.
        """
        assert self._process is not None, "start comes first"
        found: dict[int, psutil.Process] = {}
        for candidate in psutil.process_iter():
            if candidate.pid == self._process.pid or _data_dir_of(candidate) == str(self._data_dir):
                found[candidate.pid] = candidate
                for child in _descendants(candidate):
                    found[child.pid] = child
        return [process for process in found.values() if _is_alive(process)]


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does, so that the system we started is stopped and its folder removed."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _data_dir_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("MURMUR_DATA_DIR")
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
