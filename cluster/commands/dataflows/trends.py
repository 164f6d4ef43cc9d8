"""`python -m cluster dataflows trends`: ranks tags again, at the end of each pane, from the events that are kept."""

from contextlib import closing
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cluster.command_line import TIME_FORMATS, past_ms, utc_ms
from cluster.commands.dataflows import app
from cluster.errors import ClusterError
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.store_config import store_config
from dataflows.sinks import ranking_files
from dataflows.store_thread import StoreThread
from dataflows.trends.backfill import backfill, reads_from_ms
from dataflows.trends.plot import TrendsPlot
from domain.clock import SystemClock
from domain.trends.tag_counts import GLOBAL, Ranking
from domain.trends.windows import WINDOWS, Window
from storage.gazetteer import gazetteer
from storage.log_reader import EVENTS_KEPT_MS

_console = Console()
_MINUTES_DEFAULT = 60


@app.command()
def trends(
    out: Annotated[Path, typer.Option(help="File to write: .jsonl, or .parquet.")],
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=TIME_FORMATS, help="UTC; default: an hour before --to.")
    ] = None,
    to: Annotated[datetime | None, typer.Option(formats=TIME_FORMATS, help="UTC, included; default: now.")] = None,
    window: Annotated[str, typer.Option(help=f"One of {', '.join(WINDOWS)}.")] = "60m",
    location: Annotated[str | None, typer.Option(help="A place, by its key or in words; default: everywhere.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the top tags over time: a PNG.")] = None,
) -> None:
    """Write what trended at the end of each pane, as the API would have answered then. Exit code 0 when all is written.

    Events are kept seven days, and a ranking is made of those of two windows: a --from that reaches too far is refused.
    """
    if plot is not None and find_spec("matplotlib") is None:
        raise ClusterError("A --plot needs matplotlib: .venv/bin/python -m pip install -c constraints.txt matplotlib.")
    if window not in WINDOWS:
        raise typer.BadParameter(f"choose among {', '.join(WINDOWS)}", param_hint="--window")
    to_ms = past_ms(to)
    from_ms = to_ms - _MINUTES_DEFAULT * 60_000 if from_ is None else utc_ms(from_)
    if from_ms > to_ms:
        raise typer.BadParameter("it lies after --to", param_hint="--from")
    key = GLOBAL if location is None else _key(location)
    settings = load_settings()
    with closing(StoreThread(store_config(settings, RunState.read(settings.data_dir).endpoints))) as stores:
        require_kept(WINDOWS[window], from_ms, stores.data_created_ms(), SystemClock().now_ms())
        written = _write(stores, out, plot, window, key, from_ms, to_ms)
    _console.print(f"{written} rows in {out}{f', drawn in {plot}' if plot else ''}.", soft_wrap=True)


def _write(stores: StoreThread, out: Path, plot: Path | None, window: str, key: str, from_ms: int, to_ms: int) -> int:
    written, picture = 0, TrendsPlot(window, key)
    with ranking_files.open_rows(out) as write, Progress(console=_console) as progress:
        bar = progress.add_task(f"Trends of {window}", total=max(1, to_ms - from_ms))

        def take(ranking: Ranking) -> None:
            nonlocal written
            found = ranking_files.rows_of(ranking, key)
            write(found)
            written += len(found)
            if plot is not None:
                picture.take(ranking_files.time_of(ranking.as_of_ms), found)
            progress.update(bar, completed=ranking.as_of_ms - from_ms)

        backfill(stores, WINDOWS[window], key, from_ms, to_ms, take)
        progress.update(bar, completed=max(1, to_ms - from_ms))
    if plot is not None:
        picture.write(plot)
    return written


def require_kept(window: Window, from_ms: int, data_created_ms: int, now_ms: int) -> None:
    """Raise `ClusterError` if events that a ranking at a wall time needs may be gone."""
    kept_ms = now_ms - EVENTS_KEPT_MS
    if reads_from_ms(window, from_ms, data_created_ms) < kept_ms:
        first = ranking_files.time_of(kept_ms + 2 * window.span_ms + 60_000).strftime("%Y-%m-%dT%H:%M:%SZ")
        raise ClusterError(
            f"The events of the two windows before --from are not all kept; for {window.name} begin at {first}."
        )


def _key(location: str) -> str:
    found = gazetteer().place(location)
    if found is None:
        raise ClusterError(f"No place named {location!r} is known.")
    return found.key
