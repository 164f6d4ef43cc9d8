"""`python -m tests.chaos [fault …]`: breaks a system in every way, or in some, and prints what came of it."""

import asyncio
import random
import signal
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.chaos.breaking import FAULTS
from tests.chaos.nodes import NODE_FAULTS, NODES
from tests.chaos.redis_nodes import REDIS_FAULTS
from tests.chaos.run import Row, faults_one_by_one
from tests.chaos.stage import stage

_ALL = [*FAULTS, *NODE_FAULTS, *REDIS_FAULTS]
_SLOW_S = 30.0
"""No recovery may take longer."""


def chaos(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(_ALL)}; all without.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the load; a new one without.")] = None,
) -> None:
    """Exit code 0 if nothing was violated and every recovery was in time."""
    console = Console(width=max(110, Console().width))
    chosen = names or _ALL
    if strangers := set(chosen) - set(_ALL):
        raise typer.BadParameter(f"{', '.join(sorted(strangers))}: choose among {', '.join(_ALL)}.")
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed

    async def run() -> list[Row]:
        running = asyncio.current_task()
        assert running is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)  # so that nothing is left behind
        rows: list[Row] = []
        for faults, nodes in ((FAULTS, 0), (NODE_FAULTS, NODES), (REDIS_FAULTS, 0)):
            if some := [name for name in chosen if name in faults]:
                async with stage(nodes, on_redis_cluster=faults is REDIS_FAULTS) as found:
                    rows += await faults_one_by_one(found, some, seed, console.print)
        return rows

    rows = asyncio.run(run())
    table = Table(
        "fault",
        "recovered s",
        "calls",
        "refused",
        "unknown",
        "compared",
        "settled s",
        "violations",
        title=f"Faults under load, seed {seed}",
        title_justify="left",
    )
    for row in rows:
        recovered = "no" if row.recovered_s is None else f"{row.recovered_s:.1f}"
        counts = map(str, (row.calls, row.refused, row.unknown, row.verdict.compared))
        violations = len(row.verdict.violations)
        shown = f"[red]{violations}[/red]" if violations else "[green]0[/green]"
        table.add_row(row.fault, recovered, *counts, f"{row.verdict.settled_s:.1f}", shown)
    console.print(table)
    late = [row.fault for row in rows if row.recovered_s is None or row.recovered_s > _SLOW_S]
    if late:
        console.print(f"Not within {_SLOW_S:.0f} s: {', '.join(late)}.", style="red")
    raise typer.Exit(1 if late or any(row.verdict.violations for row in rows) else 0)


if __name__ == "__main__":
    typer.run(chaos)
