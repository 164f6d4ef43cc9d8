"""`python -m benchmarks`: measures, prints one table, keeps the figures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import (
    fanout,
    large_author,
    machine,
    over_http,
    plots,
    requests,
    results,
    shard_memory,
    start,
    trend_workers,
    trends,
)
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.results import Row
from benchmarks.system import Servers
from cluster.errors import ClusterError
from cluster.settings import load_settings
from telemetry import logs

_OF_CHECKOUTS: Mapping[str, Callable[[Effort, Path | None, Callable[[str], object]], list[Row]]] = {
    "start": start.measure,
    "requests": requests.measure,
}
"""What starts whole systems by itself, and can compare the system of another checkout."""
_ALONE: Mapping[str, Callable[[Effort], list[Row]]] = {
    "trends": trends.measure,
    "trend-workers": trend_workers.measure,
    "shard-memory": shard_memory.measure,
}
"""What starts by itself what it needs."""
_ON_STORES: Mapping[str, Callable[[Servers, Effort], list[Row]]] = {
    "fanout": fanout.measure,
    "large-author": large_author.measure,
}
_OVER_HTTP = ("home", "post", "delivery", "rebuild", "spike", "overload", "growth", "growth-of-acts")
_WIDTH_MIN = 120
_QUICK = ("requests", "trends", "shard-memory", "fanout", "home", "post", "growth-of-acts")
NAMES = (*_OF_CHECKOUTS, *_ALONE, *_ON_STORES, *_OVER_HTTP)


def main() -> None:
    """Run the command line; a failure that we know ends in its one sentence."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(bench)
    try:
        app()
    except ClusterError as failure:
        Console(stderr=True).print(str(failure), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(failure.exit_code) from None


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="The main questions with short loads.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help=f"Measure only these anew, repeatable: {', '.join(NAMES)}.")
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help=f"A checkout to compare in the same run ({', '.join(_OF_CHECKOUTS)}); nothing is kept.",
            exists=True,
            file_okay=False,
            resolve_path=True,
        ),
    ] = None,
) -> None:
    """Measure Murmur against its yardsticks on servers of its own; the table is printed and kept."""
    wanted = tuple(only or (_QUICK if quick else NAMES))
    if strangers := set(wanted) - set(NAMES):
        raise typer.BadParameter(f"{', '.join(sorted(strangers))}: choose among {', '.join(NAMES)}.")
    if against is not None and not set(wanted) <= set(_OF_CHECKOUTS):
        raise typer.BadParameter(f"--against goes with --only {' or '.join(_OF_CHECKOUTS)}.")
    effort = QUICK if quick else FULL
    console = Console(log_path=False)
    console.width = max(console.width, _WIDTH_MIN)
    logs.configure("benchmarks", "WARNING")
    described = machine.describe()
    rows: list[Row] = []
    try:
        _measure(wanted, effort, against, console, rows)
    finally:  # what was measured before a failure is worth seeing
        if rows:
            results.show(rows, described, effort.name, console)
    if against is not None:
        return
    plots.draw(results.write(rows, described, effort.name, some=only is not None), rows)
    console.print(f"Written to {results.LATEST}.", soft_wrap=True)


def _measure(wanted: Sequence[str], effort: Effort, against: Path | None, console: Console, rows: list[Row]) -> None:
    for name, of_checkouts in _OF_CHECKOUTS.items():
        if name in wanted:
            console.log(f"Measuring {name}.")
            rows += of_checkouts(effort, against, console.log)
    for name, alone in _ALONE.items():
        if name in wanted:
            console.log(f"Measuring {name}.")
            rows += alone(effort)
    if not set(wanted) & {*_ON_STORES, *_OVER_HTTP}:
        return
    with Servers(load_settings(), console.log) as servers:
        for name, on_stores in _ON_STORES.items():
            if name in wanted:
                console.log(f"Measuring {name}.")
                rows += on_stores(servers, effort)
        if set(wanted) & set(_OVER_HTTP):
            endpoints = servers.start_system()
            over_http.measure(servers, endpoints, effort, wanted, console.log, rows)
