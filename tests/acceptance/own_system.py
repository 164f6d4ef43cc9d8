"""A system for one run: started from the command line as a user would, in a temporary folder, gone afterwards."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, NoReturn, Self

import psutil

from cluster import readiness
from cluster.embedded.processes import ChildProcess, last_line
from cluster.errors import ClusterError, NotReady
from cluster.state import Endpoints, RunState, is_locked
from cluster.waiting import wait_until
from tests.support.system import ROOT, system_environment

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
        self._stack = ExitStack()
        ours = system_environment(http_host="127.0.0.1", limits=profile, cassandra_contact_points="", redis_url="")
        self._environment = {**self._stack.enter_context(ours), "RAY_ADDRESS": ""}
        self._data_dir = Path(self._environment["MURMUR_DATA_DIR"])
        self._process: ChildProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._stack.close()

    def start(self) -> Endpoints:
        """Start it, again after a `kill_everything`; return when it is ready. Raises `ClusterError`."""
        command = [sys.executable, "-m", "cluster", "up"]
        log = self._data_dir.with_name("up.log")
        self._process = process = ChildProcess("Murmur", command, log, self._environment, ROOT)
        self._say("Starting a system of its own.")
        url = f"http://127.0.0.1:{self._environment['MURMUR_HTTP_PORT']}"

        def is_ready() -> bool:
            process.require_running()
            return (self._data_dir / "run.json").exists() and readiness.ask(url).ready

        if not wait_until(is_ready, _READY_TIMEOUT_S, 0.2):
            raise NotReady(f"The system was not ready within {_READY_TIMEOUT_S:.0f} s; its log ends: {last_line(log)}")
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
        """Run a Python module beside the system, as a user would. Raises `ClusterError`."""
        pipe, stdout = asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *words, env=self._environment, cwd=ROOT, stdout=pipe, stderr=stdout
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise ClusterError(f"{' '.join(words)} ended with {process.returncode}: {said.decode().strip()}")

    def kill_everything(self) -> int:
        """`kill -9` for every process of the system at one moment, stores included; how many there were."""
        assert self._process is not None, "start comes first"
        killed = 0
        while victims := self.processes():  # more than once: some are born while the others die
            for victim in victims:
                with suppress(psutil.NoSuchProcess):
                    victim.kill()
            _, alive = psutil.wait_procs(victims, timeout=_KILL_TIMEOUT_S)
            assert not alive, f"not even SIGKILL ended {alive}"
            killed = killed or len(victims)
        self._process.stop(_KILL_TIMEOUT_S)
        self._process = None
        assert not is_locked(self._data_dir), "the kernel drops the lock with its holder"
        return killed

    def processes(self) -> list[psutil.Process]:
        """The started process, its descendants, and those of them that were adopted by init.

        The adopted ones are known by the data folder in their environment.
        """
        assert self._process is not None, "start comes first"
        found: dict[int, psutil.Process] = {}
        for candidate in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if candidate.pid == self._process.pid or self._is_ours(candidate):
                    found |= {process.pid: process for process in (candidate, *candidate.children(recursive=True))}
        return [process for process in found.values() if _is_alive(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("MURMUR_DATA_DIR") == str(self._data_dir)


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


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
