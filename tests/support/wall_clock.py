"""The wall clock of a running system, set from outside: the system is a copy of this checkout that reads a file."""

import shutil
from pathlib import Path

from tests.support import moved_clock
from tests.support.system import ROOT

_PACKAGES = ("actors", "cluster", "dataflows", "domain", "serve", "storage", "telemetry")


class WallClock:
    """The clock of every process of a system whose packages are found in a folder."""

    def __init__(self, folder: Path) -> None:
        for package in _PACKAGES:
            shutil.copytree(ROOT / package, folder / package)
        shutil.copy(moved_clock.__file__, folder / "sitecustomize.py")
        self._path = moved_clock.path_in(folder)
        self.put_off(0)

    def put_off(self, seconds: float, pid: int = 0) -> None:
        """So far from the true time, in one process or (0) in all, those that start later among them."""
        words = moved_clock.WORDS.pack(round(seconds * 1e9), pid)
        with self._path.open("r+b" if self._path.exists() else "wb") as file:  # in place: it is mapped
            file.write(words)
