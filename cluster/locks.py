"""Locks on files: the kernel drops them with the process, so a crash needs no cleaning up."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cluster.errors import AlreadyRunning


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file until it is closed, unless another process has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def held_alone(folder: Path, taken: str) -> Iterator[None]:
    """Hold a lock beside a folder. Raises `AlreadyRunning` with the sentence `taken`."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("a+") as file:
        if not try_lock(file):
            raise AlreadyRunning(taken)
        yield
