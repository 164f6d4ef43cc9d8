"""A start as a user makes it, seconds until the first 200; and the memory of each process, idle and under load."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks import http_load
from benchmarks.effort import Effort
from benchmarks.results import Row
from benchmarks.system import resident_mib, wait_ready, whole_system
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess

_WARM_STARTS = 2
_STOP_S = 30.0
_USERS = 10


def measure(effort: Effort) -> list[Row]:
    """The rows of the starts and the one of the memory."""
    folder = Path(tempfile.mkdtemp(prefix="murmur-bench-start-"))
    ports = PortBlock()
    url = f"http://127.0.0.1:{ports.port()}"
    warm: list[float] = []
    try:
        with _system(folder, url) as (system, cold):
            idle = resident_mib(system)
            _load(url, effort)
            loaded = resident_mib(system)
        for _ in range(_WARM_STARTS):
            with _system(folder, url) as (_, took_s):
                warm.append(took_s)
    finally:
        ports.release()
        shutil.rmtree(folder, ignore_errors=True)
    return [
        _row("start_cold", "first start in a new folder, until the first 200", [cold], None),
        _row("start_warm", "start on existing data, until the first 200", warm, 30.0),
        Row(
            key="memory",
            what="resident memory of all processes under load",
            against="—",
            unit="MiB",
            values=[sum(loaded.values())],
            target=None,
            figures={name: [idle.get(name, 0), loaded.get(name, 0)] for name in sorted({*idle, *loaded})},
        ),
    ]


def _row(key: str, what: str, values: list[float], target: float | None) -> Row:
    return Row(key=key, what=what, against="—", unit="s", values=values, target=target)


@contextmanager
def _system(folder: Path, url: str) -> Iterator[tuple[ChildProcess, float]]:
    """A system on a data folder, ready, and the seconds that took; it is stopped afterwards."""
    begun_s = time.perf_counter()
    system = whole_system(folder, url, cassandra=None, redis_url="")
    try:
        wait_ready(system, url)
        yield system, time.perf_counter() - begun_s
    finally:
        system.stop(_STOP_S)


def _load(url: str, effort: Effort) -> None:
    """Some people post and read."""
    requests: list[str] = []
    for number in range(_USERS):
        person = {"username": f"user{number}", "email": f"user{number}@example.com", "password": "correct horse"}
        answer = httpx.post(f"{url}/api/v1/auth/register", json=person, timeout=30)
        answer.raise_for_status()
        token = answer.json()["access_token"]
        requests.append(http_load.request("POST", "/api/v1/tweets", token, b'{"text": "Here we are. #hello"}'))
        requests += [http_load.request("GET", "/api/v1/timeline/home", token)] * 9
    http_load.drive(url, requests, effort)
