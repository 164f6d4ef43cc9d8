"""Child processes that outlive neither `stop` nor their parent, however the parent ends."""

import ctypes
import os
import shutil
import signal
import subprocess
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from cluster.errors import EmbeddedError
from cluster.private import OTHERS, open_private
from cluster.waiting import wait_until

_PR_SET_PDEATHSIG = 1
_LOG_TAIL_BYTES = 4096
_KILL_WAIT_S = 5.0
_VERSION_S = 20.0
_libc = ctypes.CDLL(None, use_errno=True)


class ChildProcess:
    """A running program of ours, in a session of its own and logging to a file.

    A Ctrl-C at the terminal does not reach it, so that it is stopped in order; the kernel kills it when the thread that
    started it ends, so that nothing is left behind by a `kill -9` of the parent. Hence: start it from the main thread.
    What it writes is for this user alone; its arguments are not: anybody may read them, so no secret is among them.
    """

    def __init__(
        self, name: str, command: Sequence[str], log_path: Path, environment: Mapping[str, str], folder: Path
    ) -> None:
        assert threading.current_thread() is threading.main_thread(), "the child would die with the starting thread"
        self.name = name
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()

        def die_with_parent() -> None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died between fork and prctl
                os._exit(1)

        try:
            with open_private(log_path, "wb") as log:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(environment),
                    cwd=folder,
                    start_new_session=True,
                    umask=OTHERS,
                    preexec_fn=die_with_parent,
                )
        except OSError as failure:
            raise EmbeddedError(f"{name} could not be started: {failure}.") from failure

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def require_running(self) -> None:
        """Raise `EmbeddedError` with the end of the log if it has ended."""
        code = self.exit_code()
        if code is None:
            return
        if last_line(self.log_path, "No space left"):
            raise EmbeddedError(f"{self.name} ended because the disk is full; free some space ({self.log_path}).")
        raise EmbeddedError(f"{self.name} ended with code {code} ({last_line(self.log_path)}); see {self.log_path}.")

    def ask_to_stop(self) -> None:
        """Send SIGTERM and return at once; several children then stop side by side."""
        if self.exit_code() is None:
            self._process.terminate()

    def stop(self, timeout_s: float) -> None:
        """Send SIGTERM, then SIGKILL at the end of the time. Returns when the process is gone; may be repeated."""
        self.ask_to_stop()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_KILL_WAIT_S)


class Component(ABC):
    """A local program that the system is made of: started when made, ready after `wait_ready`, gone after `stop`."""

    process: ChildProcess
    ready_timeout_s: ClassVar[float]

    @abstractmethod
    def answers(self) -> bool:
        """Ask once whether it is ready."""

    def wait_ready(self) -> None:
        """Return when it answers; raise `EmbeddedError` when it ended or the time is over."""
        if not wait_until(self._answers_or_ended, self.ready_timeout_s):
            name, log = self.process.name, self.process.log_path
            raise EmbeddedError(f"{name} did not answer within {self.ready_timeout_s:.0f} s; see {log}.")

    def stop(self, timeout_s: float) -> None:
        """Stop it as `ChildProcess.stop` does, and put away what it leaves."""
        self.process.stop(timeout_s)

    def _answers_or_ended(self) -> bool:
        self.process.require_running()
        return self.answers()


def find_program(name: str, ask: str, fits: Callable[[str], bool], package: str, *path: str) -> Path | None:
    """The program on PATH if what it says of its version fits, else the one that a Python package brings.

    The package is not imported, and may be absent.
    """
    found = find_spec(package)
    packaged = Path((found.origin if found else None) or "absent").parent.joinpath(*path)
    for program in (shutil.which(name), packaged):
        if program is not None:
            try:
                said = subprocess.run([program, ask], capture_output=True, text=True, check=False, timeout=_VERSION_S)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if fits(said.stdout + said.stderr):
                return Path(program)
    return None


def last_line(log_path: Path, containing: str = "") -> str:
    """The last line of a log that has the given text, or nothing."""
    if not log_path.exists():
        return ""
    with log_path.open("rb") as log:
        log.seek(max(0, log_path.stat().st_size - _LOG_TAIL_BYTES))
        lines = log.read().decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip() and containing in line), "")
