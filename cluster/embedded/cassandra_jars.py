"""Cassandra's jars: fetched once per machine from Maven Central, checked at every start, repaired when damaged."""

import fcntl
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import requests
from jgo.maven import MavenContext, PythonResolver
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from cluster.errors import EmbeddedError
from cluster.settings import cache_dir

VERSION = "5.0.6"
_COORDINATE = f"org.apache.cassandra:cassandra-all:{VERSION}"
_MANIFEST = "jars.txt"
_EXPECTED_BYTES = 70_000_000  # of the progress bar only
_TIMEOUT_S = 30


class CassandraJars:
    """The jars of one version, complete: a folder takes its final name only when every jar is in it."""

    def __init__(self, cache: Path | None = None) -> None:
        self.folder = (cache or cache_dir()) / f"cassandra-{VERSION}"

    def ensure(self, say: Callable[[str], None]) -> list[Path]:
        """All jars, sorted, downloading what is not there. Raises `EmbeddedError` when it cannot be had."""
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            with only_one(self.folder.with_suffix(".lock"), say):
                jars = self.complete()
                if jars is None:
                    if self.folder.exists():
                        say(f"Cassandra's jars in {self.folder} are incomplete or damaged; downloading them again.")
                    self._download(say)
                    jars = self.complete()
        except OSError as failure:
            raise EmbeddedError(f"Cassandra's jars could not be stored in {self.folder}: {failure}.") from failure
        assert jars is not None, "a folder with its final name is complete"
        return jars

    def complete(self) -> list[Path] | None:
        """All jars if each is there with its full size, else None."""
        manifest = self.folder / _MANIFEST
        if not manifest.exists():
            return None
        jars = []
        for line in manifest.read_text().splitlines():
            size, _, name = line.partition(" ")
            jar = self.folder / name
            if not jar.is_file() or jar.stat().st_size != int(size):
                return None
            jars.append(jar)
        return jars

    def _download(self, say: Callable[[str], None]) -> None:
        partial = self.folder.with_suffix(".partial")  # what an interrupted download left is thrown away
        shutil.rmtree(partial, ignore_errors=True)
        say(f"Downloading Cassandra {VERSION} (70 MB, once per machine) to {self.folder}.")
        with _progress() as progress:
            context = MavenContext(
                resolver=PythonResolver(progress_callback=progress), repo_cache=partial, timeout=_TIMEOUT_S
            )
            try:
                wanted = context.create_dependency(_COORDINATE)
                inputs, transitive = context.resolver.resolve([wanted])
                jars = [dependency.artifact.resolve() for dependency in (*inputs, *transitive)]
            except (requests.RequestException, RuntimeError, ValueError) as failure:
                raise EmbeddedError(
                    f"Cassandra's jars could not be downloaded from Maven Central ({failure}); check the network and "
                    "start again, or set MURMUR_CASSANDRA_CONTACT_POINTS."
                ) from failure
        lines = sorted(f"{jar.stat().st_size} {jar.relative_to(partial)}" for jar in jars)
        (partial / _MANIFEST).write_text("\n".join(lines) + "\n")
        shutil.rmtree(self.folder, ignore_errors=True)
        partial.rename(self.folder)


@contextmanager
def only_one(lock_path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that no other start on this machine holds, waiting for it if need be."""
    with lock_path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is preparing Cassandra; waiting for it.")
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
