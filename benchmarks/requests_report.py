"""What is told of the requests: rows with ratios and prices, a table of all servers, and CPU by kind of process."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from benchmarks import processes, workloads
from benchmarks.arrival import Arrival
from benchmarks.effort import CONNECTIONS
from benchmarks.http_load import Load
from benchmarks.open_load import Offered
from benchmarks.population import READERS
from benchmarks.results import Row, Table, rounded
from benchmarks.sides import OURS

FEW = 16
"""Connections of a load that leaves the server some air."""
YARDSTICKS = NAIVE, CONSTANT = "naive server", "constant"
_CPU_MS = {workloads.PAGES: 0.8, workloads.POSTS: 8.0, workloads.POLLS: 1.4}
"""Targets of CPU for each request."""
_TIMES_BEFORE = {workloads.POSTS: 2.0, workloads.MIX: 3.0}
"""Targets of the rate, against the checkout that this work began with."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One server's rounds, by workload."""

    few: defaultdict[str, list[Load]] = field(default_factory=lambda: defaultdict(list))
    many: defaultdict[str, list[Load]] = field(default_factory=lambda: defaultdict(list))
    half: defaultdict[str, list[Offered]] = field(default_factory=lambda: defaultdict(list))
    posts: list[Arrival] = field(default_factory=list)
    """Of a single post of the star, until all readers saw it."""
    bursts: list[Arrival] = field(default_factory=list)
    idle: str = processes.CONSTANT
    """Processes that are there for another one's measurement."""

    def cpu_ms(self, workload: str, connections: int = FEW) -> list[float]:
        """CPU for each answer, round by round."""
        return [sum(kinds.values()) for kinds in self.cpu_ms_by_kind(workload, connections)]

    def cpu_ms_by_kind(self, workload: str, connections: int = FEW) -> list[dict[str, float]]:
        return [self._cpu_ms(load) for load in (self.few if connections == FEW else self.many)[workload]]

    def _cpu_ms(self, load: Load) -> dict[str, float]:
        ours = {name: s * 1_000 / load.answers for name, s in load.cpu_s.items() if name != self.idle}
        return processes.by_kind(ours)


def rows(measured: Mapping[str, Measured], page_bytes: int) -> list[Row]:
    """All rows; the tables are with the first."""
    ours = measured[OURS]
    others = [name for name in measured if name not in (OURS, CONSTANT)]
    found = [_w1(ours, measured)]
    pages = workloads.PAGES
    same = f"constant of {page_bytes:,} bytes, same Serve"
    found.append(_rates(f"requests_{_key(pages)}_constant", pages, ours, measured[CONSTANT], same, 0.5))
    for workload in workloads.ALL:
        found.append(
            Row(
                key=f"requests_{_key(workload)}_cpu",
                what=f"{workload}: CPU of all processes for each answer, {FEW} connections",
                against="—",
                unit="ms",
                values=ours.cpu_ms(workload),
                target=_CPU_MS.get(workload),
                figures={f"of {name}": rounded(measured[name].cpu_ms(workload), 2) for name in others},
            )
        )
        for name in others:
            target = _TIMES_BEFORE.get(workload) if name != NAIVE else None
            key = f"requests_{_key(workload)}_{'naive' if name == NAIVE else 'before'}"
            found.append(_rates(key, workload, ours, measured[name], f"{name}, same load", target))
    return found


def _key(workload: str) -> str:
    return workload.partition(" ")[0].lower()


def _w1(ours: Measured, measured: Mapping[str, Measured]) -> Row:
    return Row(
        key="requests_w1",
        what=f"W1 one post until the last of {READERS} has read it, {FEW} connections",
        against="—",
        unit="ms",
        values=[one.seconds * 1_000 for one in ours.posts],
        target=None,
        figures={
            "pages that were read too early": [one.late for one in ours.posts],
            "ms from the end of a burst of posts until all pages show it": _ms([one.after_s for one in ours.bursts]),
            **{f"ms of {name}": _ms([one.seconds for one in of.posts]) for name, of in measured.items() if of.posts},
        },
        tables=[
            _beside(measured),
            *(_by_kind(name, of) for name, of in measured.items() if name not in YARDSTICKS),
        ],
    )


def _rates(key: str, workload: str, ours: Measured, other: Measured, against: str, target: float | None) -> Row:
    few, their = ours.few[workload], other.few[workload]
    return Row(
        key=key,
        what=f"{workload}: requests/s, {FEW} connections",
        against=against,
        unit="x",
        values=[load.per_s / same.per_s for load, same in zip(few, their, strict=True)],
        target=target,
        figures={
            "requests/s": rounded([load.per_s for load in few]),
            "of the other": rounded([load.per_s for load in their]),
            f"{CONNECTIONS} connections": rounded([load.per_s for load in ours.many[workload]]),
            "of the other there": rounded([load.per_s for load in other.many[workload]]),
        },
    )


def _beside(measured: Mapping[str, Measured]) -> Table:
    columns = (
        "medians of the rounds",
        "server",
        f"requests/s, {FEW} connections",
        f"{CONNECTIONS} connections",
        "p50, p95, p99 ms at half of that",
        f"CPU ms a request, {FEW} connections",
        f"{CONNECTIONS} connections",
        "pages that changed",
    )
    lines: list[list[str | float]] = []
    for name, of in measured.items():
        if of.posts:
            times = _ms([one.seconds for one in of.posts])
            p50, p95, p99 = (round(float(np.percentile(times, p))) for p in (50, 95, 99))
            lines.append(["W1 one post until all have read it", name, "", "", f"{p50}, {p95}, {p99}", "", "", ""])
    for workload in workloads.ALL:
        for name, of in measured.items():
            if of.few[workload]:
                lines.append([workload, name, *_figures(of, workload)])
    return Table(columns, lines)


def _figures(of: Measured, workload: str) -> list[str | float]:
    few, many, half = of.few[workload], of.many[workload], of.half[workload]
    pages = sum(load.pages for load in (*few, *many))
    changed = sum(load.changed for load in (*few, *many))
    return [
        round(median(load.per_s for load in few)),
        round(median(load.per_s for load in many)),
        ", ".join(f"{median(ms):.1f}" for ms in zip(*((o.p50_ms, o.p95_ms, o.p99_ms) for o in half), strict=True)),
        round(median(of.cpu_ms(workload)), 2),
        round(median(of.cpu_ms(workload, CONNECTIONS)), 2),
        f"{changed / pages:.0%}" if pages else "",
    ]


def _by_kind(name: str, of: Measured) -> Table:
    """Medians of the rounds, for each kind of process and workload."""
    rounds = {workload: of.cpu_ms_by_kind(workload) for workload in workloads.ALL}
    kinds = sorted({kind for each in rounds.values() for kinds in each for kind in kinds})
    lines: list[list[str | float]] = [
        [kind, *(round(median(r.get(kind, 0) for r in each), 2) for each in rounds.values())] for kind in kinds
    ]
    return Table((f"{name}: CPU ms a request", *(workload.partition(" ")[0] for workload in rounds)), lines)


def _ms(seconds: Sequence[float]) -> list[float]:
    return rounded([s * 1_000 for s in seconds])
