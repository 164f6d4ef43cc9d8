"""A start as a user makes it, and the system at rest: seconds, CPU and memory; that of another checkout in turns.

The parts of a start are the lines that it prints before it is ready, each with the seconds since its begin.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

from benchmarks import http_load, processes
from benchmarks.effort import Effort
from benchmarks.results import Row, Table, rounded
from benchmarks.sides import revision
from benchmarks.system import wait_ready, whole_system
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess
from cluster.embedded.ray_environment import ROOT

_WARM_STARTS = 2
_STOP_S = 30.0
_CALM_S, _REST_S = 20.0, 30.0
"""After a warm start nothing is asked of the system: first for it to come to rest, then to be measured."""
_USERS = 10


@dataclass(slots=True, kw_only=True)
class _Starts:
    """What the starts of one checkout's system took."""

    checkout: Path
    folder: Path
    url: str
    cold_s: list[float] = field(default_factory=list)
    warm_s: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)
    """Of each warm start: what it said, and when."""
    rest_cpu: list[dict[str, float]] = field(default_factory=list)
    """Percent of a core, by name of process."""
    rest_mib: list[dict[str, int]] = field(default_factory=list)
    loaded_mib: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def started(self) -> Iterator[tuple[ChildProcess, float, dict[str, float]]]:
        """The system, ready, with the seconds that took and its parts; it is stopped afterwards."""
        begun_s = time.perf_counter()
        parts: dict[str, float] = {}
        system = whole_system(self.folder, self.url, checkout=self.checkout)

        def look() -> None:
            for line in system.log_path.read_text(errors="replace").splitlines():
                parts.setdefault(line.strip(), round(time.perf_counter() - begun_s, 1))

        try:
            wait_ready(system, self.url, look)
            yield system, time.perf_counter() - begun_s, parts
        finally:
            system.stop(_STOP_S)

    def cold(self, effort: Effort) -> None:
        with self.started() as (system, took_s, _):
            self.cold_s.append(took_s)
            _load(self.url, effort)
            self.loaded_mib = processes.proportional_mib(system.pid)

    def warm(self) -> None:
        with self.started() as (system, took_s, parts):
            self.warm_s.append(took_s)
            self.parts.append(parts)
            threading.Event().wait(_CALM_S)
            begun_s, before = time.perf_counter(), processes.cpu_s(system.pid)
            threading.Event().wait(_REST_S)
            taken, spent_s = processes.taken(before, processes.cpu_s(system.pid)), time.perf_counter() - begun_s
            self.rest_cpu.append({name: 100 * seconds / spent_s for name, seconds in taken.items()})
            self.rest_mib.append(processes.proportional_mib(system.pid))

    def tables(self) -> list[Table]:
        of = "" if self.checkout == ROOT else f"{revision(self.checkout)}: "
        cpu, rest, loaded = _medians(self.rest_cpu), _medians(self.rest_mib), self.loaded_mib
        lines: list[list[str | float]] = [
            [name, round(cpu.get(name, 0), 1), round(rest.get(name, 0)), loaded.get(name, 0)]
            for name in sorted({*cpu, *rest, *loaded})
        ]
        parts: list[list[str | float]] = [
            [part, at] for part, at in sorted(_medians(self.parts).items(), key=lambda each: each[1])
        ]
        return [
            Table((f"{of}process", "% of a core at rest", "MiB (PSS) at rest", "under load"), lines),
            Table((f"{of}a warm start says", "after s"), parts),
        ]


def measure(effort: Effort, against: Path | None, say: Callable[[str], object]) -> list[Row]:
    """The rows of the starts, of the memory and of rest."""
    with ExitStack() as stack:
        ports = PortBlock()
        stack.callback(ports.release)
        starts: list[_Starts] = []
        for checkout in (ROOT, *([against] if against else [])):
            folder = Path(tempfile.mkdtemp(prefix="murmur-bench-start-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            starts.append(_Starts(checkout=checkout, folder=folder, url=f"http://127.0.0.1:{ports.port()}"))
        say("Starting in a new folder.")
        for each in starts:
            each.cold(effort)
        for number in range(_WARM_STARTS):
            say("Starting on existing data, and resting.")
            for each in starts if number % 2 else starts[::-1]:
                each.warm()
    ours, *others = starts
    rows = [
        _row("start_cold", "first start in a new folder, until the first 200", [each.cold_s for each in starts], None),
        _row("start_warm", "start on existing data, until the first 200", [each.warm_s for each in starts], 20.0),
        Row(
            key="memory",
            what="memory (PSS) of all processes at rest",
            against="—",
            unit="MiB",
            values=[sum(each.values()) for each in ours.rest_mib],
            target=2_252,
            figures={
                "under load": sum(ours.loaded_mib.values()),
                **_before([[float(sum(mib.values())) for mib in each.rest_mib] for each in others]),
            },
            tables=[table for each in starts for table in each.tables()],
        ),
        Row(
            key="rest_cpu",
            what=f"CPU of all processes at rest, over {_REST_S:.0f} s",
            against="—",
            unit="%",
            values=[sum(each.values()) for each in ours.rest_cpu],
            target=25,
            figures=_before([[sum(cpu.values()) for cpu in each.rest_cpu] for each in others]),
        ),
    ]
    return rows


def _row(key: str, what: str, seconds: list[list[float]], target: float | None) -> Row:
    ours, *others = seconds
    return Row(key=key, what=what, against="—", unit="s", values=ours, target=target, figures=_before(others))


def _before(others: list[list[float]]) -> Mapping[str, object]:
    return {"of the other checkout": rounded(others[0], 1)} if others else {}


def _medians(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: median(found.get(name, 0) for found in each) for name in {name for found in each for name in found}}


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
