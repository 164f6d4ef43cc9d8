"""Cassandra's jars, fetched once per machine from Maven Central, and checked at every start.

The SHA-256 of each is in a file beside this one: no jar is run that differs by a bit, wherever it came from and
whatever happened to it since.
"""

import fcntl
import hashlib
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests
from jgo.maven import MavenContext, PythonResolver
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cluster.errors import EmbeddedError
from cluster.locks import try_lock
from cluster.private import open_private, private_folder

VERSION = "5.0.6"
FOLDER = f"cassandra-{VERSION}"
"""Of the jars, in the folder for downloads."""
_COORDINATE = f"org.apache.cassandra:cassandra-all:{VERSION}"
_SUMS = Path(__file__).with_suffix(".sha256")
_HASHING = 2  # threads: a tenth of a second for all jars
_EXPECTED_BYTES = 70_000_000  # of the progress bar only
_TIMEOUT_S = 30

Reporter = Callable[[str], None]


def known_sums() -> Mapping[str, str]:
    """The SHA-256 of each jar, hexadecimal, by its path in a Maven repository; written by `sha256sum`."""
    lines = (line.split() for line in _SUMS.read_text().splitlines())
    return {name: sum_ for sum_, name in lines}


def from_maven(folder: Path, report: Reporter) -> None:
    """Fetch the jars from Maven Central, each to its path below a folder. Raises `EmbeddedError`."""
    report(f"Downloading Cassandra {VERSION} (70 MB, once per machine).")
    with _progress() as progress:
        resolver = PythonResolver(progress_callback=progress)
        context = MavenContext(resolver=resolver, repo_cache=folder, timeout=_TIMEOUT_S)
        try:
            inputs, transitive = resolver.resolve([context.create_dependency(_COORDINATE)])
            for dependency in (*inputs, *transitive):
                dependency.artifact.resolve()
        except (requests.RequestException, RuntimeError, ValueError) as failure:
            raise EmbeddedError(
                f"Cassandra's jars could not be downloaded from Maven Central ({failure}); check the network and "
                "start again, or set MURMUR_CASSANDRA_CONTACT_POINTS."
            ) from failure


def ensure_jars(
    folder: Path, sums: Mapping[str, str], report: Reporter, fetch: Callable[[Path, Reporter], None] = from_maven
) -> list[Path]:
    """All jars in a folder, in the order of their sums. Raises `EmbeddedError` when they cannot be had.

    The folder is made by `fetch` under another name, and takes its own only when every jar is in it, and right.
    """
    try:
        private_folder(folder.parent)
        with only_one(folder.with_suffix(".lock"), report):
            if _wrong_in(folder, sums):
                if folder.exists():
                    report(f"Cassandra's jars in {folder} are incomplete or damaged; downloading them again.")
                partial = folder.with_suffix(".partial")  # what an interrupted download left is thrown away
                shutil.rmtree(partial, ignore_errors=True)
                fetch(partial, report)
                if wrong := _wrong_in(partial, sums):
                    raise EmbeddedError(
                        f"{wrong[0]}, as it was downloaded, is not the jar that Murmur knows (its SHA-256 "
                        "differs); none was used, find out who changed it, or set MURMUR_CASSANDRA_CONTACT_POINTS."
                    )
                shutil.rmtree(folder, ignore_errors=True)
                partial.rename(folder)
    except OSError as failure:
        raise EmbeddedError(f"Cassandra's jars could not be stored in {folder}: {failure}.") from failure
    return [folder / name for name in sums]


def _wrong_in(folder: Path, sums: Mapping[str, str]) -> list[str]:
    """Jars that are absent there, or not what they should be."""
    with ThreadPoolExecutor(_HASHING) as pool:
        found = pool.map(_sum_of, [folder / name for name in sums])
        return [name for (name, sum_), has in zip(sums.items(), found, strict=True) if has != sum_]


def _sum_of(jar: Path) -> str | None:
    try:
        with jar.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


@contextmanager
def only_one(lock_path: Path, report: Reporter) -> Iterator[None]:
    """Hold a lock that no other start on this machine holds, waiting for it if need be."""
    with open_private(lock_path, "a+") as lock:
        if not try_lock(lock):
            report("Another start is preparing Cassandra; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _progress() -> Iterator[Callable[[str, int], AbstractContextManager[Callable[[int], None]]]]:
    """One bar over all files, in the shape that the resolver calls."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("Cassandra", total=_EXPECTED_BYTES)

        @contextmanager
        def file_progress(_filename: str, _size: int) -> Generator[Callable[[int], None]]:
            yield lambda count: bar.advance(task, count)

        yield file_progress
        bar.update(task, completed=_EXPECTED_BYTES)


if __name__ == "__main__":  # by `make`, while it installs the rest of what a start needs
    ensure_jars(Path(sys.argv[1]) / FOLDER, known_sums(), print)
