"""Files of a running system about itself: the lock that makes it the only one on its folder, and its endpoints."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec

from cluster.errors import AlreadyRunning, ClusterError, NotRunning
from cluster.locks import try_lock
from cluster.private import OTHERS, open_private, private_folder, write_private

_LOCK = "lock"
_STATE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses and folders of one system, wherever its components were started."""

    cassandra_contact_points: tuple[str, ...]
    """`host:port` each."""
    redis_url: str = field(repr=False)
    """May hold a password."""
    ray_address: str
    http_url: str
    dashboard_url: str | None
    metrics_urls: tuple[str, ...]
    log_dir: Path
    data_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """A system that is up: the process that started it, and its endpoints."""

    pid: int
    endpoints: Endpoints

    def write(self) -> None:
        """Replace the file in one step: a reader, who is this user, sees the whole of it or none."""
        document = msgspec.json.format(msgspec.json.encode(self, enc_hook=str), indent=2)
        write_private(self.endpoints.data_dir / _STATE, document.decode() + "\n")

    @classmethod
    def read(cls, data_dir: Path) -> Self:
        """The state of the system that runs on this folder. Raises `NotRunning` when none does."""
        path = data_dir / _STATE
        between = NotRunning(f"The system on {data_dir} is starting or stopping; try again in a moment.")
        if not is_locked(data_dir):
            raise NotRunning(f"No system runs on {data_dir}; start one with `make run`.")
        try:
            state = msgspec.json.decode(path.read_bytes(), type=cls, dec_hook=lambda kind, value: kind(value))
        except FileNotFoundError:
            raise between from None
        except msgspec.DecodeError as failure:
            raise ClusterError(f"{path} cannot be read ({failure}); stop the system and start it again.") from failure
        if not _holder(data_dir).startswith(f"pid {state.pid},"):
            raise between
        return state

    def remove(self) -> None:
        (self.endpoints.data_dir / _STATE).unlink(missing_ok=True)


class FolderLock:
    """Lock that a system holds while it runs on a folder.

    Taking it removes what a system that was killed has left behind about itself, and closes the folder to all other
    users of the machine.
    """

    def __init__(self, data_dir: Path) -> None:
        try:
            _require_not_shared(data_dir)
            private_folder(data_dir)
            file = open_private(data_dir / _LOCK, "a+")
        except OSError as failure:
            raise ClusterError(f"The data folder {data_dir} cannot be written: {failure}.") from failure
        if not try_lock(file):
            file.close()
            holder = _holder(data_dir) or "pid unknown"
            raise AlreadyRunning(f"Murmur is already running on {data_dir} ({holder}); stop it with `make down`.")
        self._data_dir, self._file = data_dir, file
        (data_dir / _STATE).unlink(missing_ok=True)

    def name_holder(self, http_url: str) -> None:
        """Write down who holds it, which a second start prints. Raises `ClusterError` if the disk is full."""
        try:
            self._file.truncate(0)
            os.write(self._file.fileno(), f"pid {os.getpid()}, at {http_url}\n".encode())
        except OSError as failure:
            raise ClusterError(f"The data folder {self._data_dir} cannot be written: {failure}.") from failure

    def release(self) -> None:
        self._file.close()


def _require_not_shared(data_dir: Path) -> None:
    """Refuse a folder that others may enter and that holds what is not ours: nothing is closed that may be in use."""
    if data_dir.is_dir() and data_dir.stat().st_mode & OTHERS:
        held = {path.name for path in data_dir.iterdir()}
        if held and _LOCK not in held:
            raise ClusterError(
                f"The data folder {data_dir} is open to other users and holds files that are not Murmur's; "
                "close it to them (chmod 700), or set MURMUR_DATA_DIR to a folder of its own."
            )


def is_locked(data_dir: Path) -> bool:
    """True if a system runs on this folder now."""
    path = data_dir / _LOCK
    if not path.exists():
        return False
    with path.open("r+") as file:
        return not try_lock(file)


def _holder(data_dir: Path) -> str:
    """Read what the last one to take the lock wrote about itself."""
    return (data_dir / _LOCK).read_text().strip()
