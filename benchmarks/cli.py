"""`python -m benchmarks`: measures, prints one table, keeps the figures."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import fanout, large_author, machine, plots, results, shard_memory, start, trend_workers, trends
from benchmarks.effort import FULL, QUICK, Effort
from benchmarks.results import Row
from benchmarks.system import Servers
from cluster.errors import ClusterError
from cluster.settings import load_settings
from telemetry import logs

_ALONE: Mapping[str, Callable[[Effort], list[Row]]] = {
    "start": start.measure,
    "trends": trends.measure,
    "trend-workers": trend_workers.measure,
    "shard-memory": shard_memory.measure,
}
"""What starts by itself what it needs."""
_ON_STORES: Mapping[str, Callable[[Servers, Effort], list[Row]]] = {
    "fanout": fanout.measure,
    "large-author": large_author.measure,
}
_OVER_HTTP = ("home", "post", "delivery", "rebuild", "spike", "overload", "growth")
_WIDTH_MIN = 120
_QUICK = ("trends", "shard-memory", "fanout", "home", "post")
NAMES = (*_ALONE, *_ON_STORES, *_OVER_HTTP)


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
) -> None:
    """Measure Murmur against its yardsticks on servers of its own; the table is printed and kept."""
    wanted = tuple(only or (_QUICK if quick else NAMES))
    if strangers := set(wanted) - set(NAMES):
        raise typer.BadParameter(f"{', '.join(sorted(strangers))}: choose among {', '.join(NAMES)}.")
    effort = QUICK if quick else FULL
    console = Console(log_path=False)
    console.width = max(console.width, _WIDTH_MIN)
    logs.configure("benchmarks", "WARNING")
    described = machine.describe()
    rows: list[Row] = []
    try:
        _measure(wanted, effort, console, rows)
    finally:  # what was measured before a failure is worth seeing
        if rows:
            results.show(rows, described, effort.name, console)
    plots.draw(results.write(rows, described, effort.name, some=only is not None), rows)
    console.print(f"Written to {results.LATEST}.", soft_wrap=True)


def _measure(wanted: Sequence[str], effort: Effort, console: Console, rows: list[Row]) -> None:
    for name, alone in _ALONE.items():
        if name in wanted:
            console.log(f"Measuring {name}.")
            rows += alone(effort)
    if not set(wanted) - set(_ALONE):
        return
    with Servers(load_settings(), console.log) as servers:
        for name, on_stores in _ON_STORES.items():
            if name in wanted:
                console.log(f"Measuring {name}.")
                rows += on_stores(servers, effort)
        if set(wanted) & set(_OVER_HTTP):
            endpoints = servers.start_system()
            from benchmarks import over_http  # imports Ray, which reads its environment then

            over_http.measure(servers, endpoints, effort, wanted, console.log, rows)
