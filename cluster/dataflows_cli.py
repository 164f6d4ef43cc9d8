"""Commands of `python -m cluster dataflows`: dataflows over the history of a running system."""

import hashlib
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cluster.command_line import command_line
from cluster.errors import ClusterError
from cluster.settings import load_settings
from cluster.state import RunState, held_alone
from cluster.stores import store_config
from dataflows import jobs
from dataflows.sinks import ranking_files
from dataflows.sinks.rows import RowSink, file_sink, store_sink
from dataflows.store_thread import StoreThread
from dataflows.trends.backfill import backfill, reads_from_ms
from dataflows.trends.plot import TrendsPlot
from domain.clock import SystemClock
from domain.trends.tag_counts import GLOBAL, Ranking
from domain.trends.windows import WINDOWS, Window
from storage.gazetteer import gazetteer
from storage.log_reader import EVENTS_KEPT_MS

app = command_line(
    "dataflows",
    "Dataflows over the events that a running system keeps.",
)
_console = Console()
_MINUTES_DEFAULT = 60
_STORES = ("redis", "cassandra")
_TIMES = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d"]


@app.command()
def trends(
    out: Annotated[Path, typer.Option(help="File to write: .jsonl, or .parquet.")],
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="UTC; default: an hour before --to.")
    ] = None,
    to: Annotated[datetime | None, typer.Option(formats=_TIMES, help="UTC, included; default: now.")] = None,
    window: Annotated[str, typer.Option(help=f"One of {', '.join(WINDOWS)}.")] = "60m",
    location: Annotated[str | None, typer.Option(help="A place, by its key or in words; default: everywhere.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the top tags over time: a PNG.")] = None,
) -> None:
    """Write what trended at the end of each pane, as the API would have answered then. Exit code 0 when all is written.

    Events are kept seven days, and a ranking is made of those of two windows: a --from that reaches too far is refused.
    """
    if window not in WINDOWS:
        raise typer.BadParameter(f"choose among {', '.join(WINDOWS)}", param_hint="--window")
    to_ms = _until_ms(to)
    from_ms = to_ms - _MINUTES_DEFAULT * 60_000 if from_ is None else _wall_ms(from_)
    if from_ms > to_ms:
        raise typer.BadParameter("it lies after --to", param_hint="--from")
    key = GLOBAL if location is None else _key(location)
    settings = load_settings()
    stores = StoreThread(store_config(settings, RunState.read(settings.data_dir).endpoints))
    try:
        require_kept(WINDOWS[window], from_ms, stores.data_created_ms(), SystemClock().now_ms())
        written = _write(stores, out, plot, window, key, from_ms, to_ms)
    finally:
        stores.close()
    _console.print(f"{written} rows in {out}{f', drawn in {plot}' if plot else ''}.", soft_wrap=True)


@app.command("list")
def list_() -> None:
    """Name the dataflows that can be run; any module with a function `build` can."""
    table = Table("name", "what it finds out", box=None)
    for described in jobs.known().items():
        table.add_row(*described)
    _console.print(table)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="One of `list`, or the dotted path of a module with a function `build`.")],
    out: Annotated[
        str, typer.Option(help="Where rows go: FILE.jsonl, FOLDER.parquet, or the stores `redis` or `cassandra`.")
    ],
    from_: Annotated[
        datetime | None, typer.Option("--from", formats=_TIMES, help="UTC; default: where the data begins.")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="UTC, included; default: on and on, until Ctrl-C.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget where an earlier run stopped.")] = False,
) -> None:
    """Run a dataflow over history, and without --to on and on: each event once, no gap and no overlap in between.

    Without --to it goes on where it stopped when it is run again, for each --out. Exit code 0 at its end; without --to
    after Ctrl-C.
    """
    build = jobs.named(name)
    settings, clock = load_settings(), SystemClock()
    stores = StoreThread(store_config(settings, RunState.read(settings.data_dir).endpoints))
    try:
        sink = _sink(stores, out, name)
        kept_ms = max(stores.data_created_ms(), clock.now_ms() - EVENTS_KEPT_MS)
        from_ms = kept_ms if from_ is None else max(kept_ms, _wall_ms(from_))
        job = jobs.Job(stores=stores, build=build, sink=sink, from_ms=from_ms)
        kept = kept_in(settings.data_dir, name, out)
        how = "on and on; Ctrl-C stops it" if to is None else "over history"
        with held_alone(kept, f"{name} is running to {out} already."), _console.status(f"{name}: {how}"):
            if to is None:
                job.run_continuously(kept, clock, _stopped_by_signals(), fresh=fresh)
            else:
                job.backfill(_until_ms(to))
    finally:
        stores.close()
    _console.print(f"{name}: rows in {out}.", soft_wrap=True)


def kept_in(data_dir: Path, name: str, out: str) -> Path:
    """The folder of the snapshots of a dataflow, its lock beside it: one for each output, however that is written."""
    if out in _STORES:
        return data_dir / "dataflows" / name / out
    path = Path(out).resolve()
    return data_dir / "dataflows" / name / f"{path.name}-{hashlib.sha256(bytes(path)).hexdigest()[:16]}"


def _sink(stores: StoreThread, out: str, name: str) -> RowSink:
    match out:
        case "redis":
            return store_sink(stores, stores.stores.ports.cached_outputs, name)
        case "cassandra":
            return store_sink(stores, stores.stores.ports.outputs, name)
    try:
        return file_sink(Path(out))
    except ValueError as error:
        raise typer.BadParameter(f"{error}, or one of the stores redis and cassandra", param_hint="--out") from None


def _stopped_by_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


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


def _until_ms(to: datetime | None) -> int:
    """Nobody knows what comes."""
    now_ms = SystemClock().now_ms()
    return now_ms if to is None else min(now_ms, _wall_ms(to))


def _wall_ms(time: datetime) -> int:
    """Times without a zone are UTC."""
    return round((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp() * 1000)


def _key(location: str) -> str:
    found = gazetteer().place(location)
    if found is None:
        raise ClusterError(f"No place named {location!r} is known.")
    return found.key
