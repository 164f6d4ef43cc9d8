"""`python -m cluster dataflows run` and `list`: runs any dataflow, over history or continuously."""

import hashlib
import signal
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster.command_line import TIME_FORMATS, past_ms, utc_ms
from cluster.commands.dataflows import app
from cluster.locks import held_alone
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.store_config import store_config
from dataflows import jobs
from dataflows.sinks.rows import RowSink, file_sink, store_sink
from dataflows.store_thread import StoreThread
from domain.clock import SystemClock
from storage.log_reader import EVENTS_KEPT_MS

_console = Console()
_STORES = ("redis", "cassandra")


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
        datetime | None, typer.Option("--from", formats=TIME_FORMATS, help="UTC; default: where the data begins.")
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=TIME_FORMATS, help="UTC, included; default: on and on, until Ctrl-C.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget where an earlier run stopped.")] = False,
) -> None:
    """Run a dataflow over history, and without --to on and on: each event once, no gap and no overlap in between.

    Without --to it goes on where it stopped when it is run again, for each --out. Exit code 0 at its end; without --to
    after Ctrl-C.
    """
    build = jobs.named(name)
    settings, clock = load_settings(), SystemClock()
    with closing(StoreThread(store_config(settings, RunState.read(settings.data_dir).endpoints))) as stores:
        sink = _sink(stores, out, name)
        kept_ms = max(stores.data_created_ms(), clock.now_ms() - EVENTS_KEPT_MS)
        from_ms = kept_ms if from_ is None else max(kept_ms, utc_ms(from_))
        job = jobs.Job(stores=stores, build=build, sink=sink, from_ms=from_ms)
        kept = kept_in(settings.data_dir, name, out)
        how = "on and on; Ctrl-C stops it" if to is None else "over history"
        with held_alone(kept, f"{name} is running to {out} already."), _console.status(f"{name}: {how}"):
            if to is None:
                job.run_continuously(kept, clock, _stopped_by_signals(), fresh=fresh)
            else:
                job.backfill(past_ms(to))
    _console.print(f"{name}: rows in {out}.", soft_wrap=True)


def kept_in(data_dir: Path, name: str, out: str) -> Path:
    """Folder of the snapshots of a dataflow, its lock beside it: one for each place that rows go to."""
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
