"""Counts of the edges that protect exactness, as the system took them, from its own metrics."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import httpx
from prometheus_client.parser import text_string_to_metric_families
from rich.table import Table

from cluster.errors import ClusterError
from telemetry import metrics

REQUIRED = (
    "trim",
    "slice",
    "pull",
    "threshold_crossing",
    "rebuild",
    "rebuild_race",
    "reconciler_repair",
    "below_floor",
)
"""What a run under small limits must have taken: it tests nothing of an edge that it never took."""
_NAME = metrics.SAFEGUARDS.name
_SERIES = frozenset((_NAME, f"{_NAME}_total", f"ray_{_NAME}", f"ray_{_NAME}_total"))
"""Ray puts its name before ours, and the exporter `_total` behind it."""
_TIMEOUT_S = 10.0
_REPEAT_S = 1.0

assert set(REQUIRED) <= set(metrics.SAFEGUARDS.labels["safeguard"])


async def edges_taken(metrics_urls: Sequence[str]) -> Counter[str]:
    """Each edge's count, summed over all processes. Raises `ClusterError` when an endpoint does not answer."""
    taken: Counter[str] = Counter()
    async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
        for url in metrics_urls:
            try:
                answer = (await client.get(url)).raise_for_status()
            except httpx.HTTPError as failure:
                raise ClusterError(f"The metrics at {url} cannot be read: {failure}.") from failure
            taken += _edges_in(answer.text)
    return taken


async def edges_when_all_taken(metrics_urls: Sequence[str], timeout_s: float) -> Counter[str]:
    """As `edges_taken`, as soon as no required edge is at zero, or the last counts at the end of the time.

    Metrics arrive a second late, and the reconciler's passes are seconds apart.
    """
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + timeout_s
    while True:
        taken = await edges_taken(metrics_urls)
        if all(taken[edge] for edge in REQUIRED) or clock() >= deadline_s:
            return taken
        await asyncio.sleep(_REPEAT_S)


def edges_table(taken: Counter[str], *, must: bool) -> Table:
    """Every edge and its count; a zero that must not be is red."""
    table = Table("edge", "taken", title="Protected edges", title_justify="left")
    for edge in metrics.SAFEGUARDS.labels["safeguard"]:
        bad = must and edge in REQUIRED and not taken[edge]
        table.add_row(edge, f"[red]{taken[edge]}[/red]" if bad else str(taken[edge]))
    return table


def _edges_in(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in _SERIES:
                found[sample.labels["safeguard"]] += int(sample.value)
    return found
