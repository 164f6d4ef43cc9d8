"""`python -m dataflows`: dataflows over the history of a running system."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cluster.command_line import command_line, run
from cluster.errors import ClusterError
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.stores import store_config
from dataflows import files, over_history
from dataflows.store_thread import StoreThread
from dataflows.trends import Ranking
from domain.clock import SystemClock
from domain.places import place
from domain.trends import GLOBAL, WINDOWS

app = command_line(
    "python -m dataflows",
    "Dataflows over the events that a running system keeps. Settings are those of `python -m cluster`.",
)
_console = Console()
_MINUTES_DEFAULT = 60
_TIMES = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d"]


@app.callback()
def _group() -> None:
    """Keep commands named, however few they are."""


@app.command()
def trends(
    out: Annotated[Path, typer.Option(help="File to write: .jsonl, or .parquet.")],
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="UTC; default: an hour before --to.")
    ] = None,
    to: Annotated[datetime | None, typer.Option(formats=_TIMES, help="UTC, included; default: now.")] = None,
    window: Annotated[str, typer.Option(help=f"One of {', '.join(WINDOWS)}.")] = "60m",
    location: Annotated[str | None, typer.Option(help="A place, by its key or in words; default: everywhere.")] = None,
) -> None:
    """Write what trended at the end of each pane, as the API would have answered then. Exit code 0 when all is written.

    Events are kept seven days.
    """
    if window not in WINDOWS:
        raise typer.BadParameter(f"choose among {', '.join(WINDOWS)}", param_hint="--window")
    to_ms = SystemClock().now_ms() if to is None else _wall_ms(to)
    from_ms = to_ms - _MINUTES_DEFAULT * 60_000 if from_ is None else _wall_ms(from_)
    if from_ms > to_ms:
        raise typer.BadParameter("it lies after --to", param_hint="--from")
    key = GLOBAL if location is None else _key(location)
    settings = load_settings()
    stores = StoreThread(store_config(settings, RunState.read(settings.data_dir).endpoints))
    try:
        written = _write(stores, out, window, key, from_ms, to_ms)
    finally:
        stores.close()
    _console.print(f"{written} rows in {out}.", soft_wrap=True)


def _write(stores: StoreThread, out: Path, window: str, key: str, from_ms: int, to_ms: int) -> int:
    written = 0
    with files.open_rows(out) as rows, Progress(console=_console) as progress:
        bar = progress.add_task(f"Trends of {window}", total=max(1, to_ms - from_ms))

        def take(ranking: Ranking) -> None:
            nonlocal written
            found = files.rows_of(ranking, key)
            rows.write(found)
            written += len(found)
            progress.update(bar, completed=ranking.as_of_ms - from_ms)

        over_history.run(stores, WINDOWS[window], from_ms, to_ms, take)
        progress.update(bar, completed=max(1, to_ms - from_ms))
    return written


def _wall_ms(time: datetime) -> int:
    """Times without a zone are UTC."""
    return round((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _key(location: str) -> str:
    found = place(location)
    if found is None:
        raise ClusterError(f"No place named {location!r} is known.")
    return found.key


def main() -> None:
    """Run the command line."""
    run(app)
