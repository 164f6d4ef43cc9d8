"""`python -m cluster dead-letters`: lists the events that a consumer gave up, and tries them again."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster.commands import app
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.store_config import store_config
from domain.errors import PoisonedEvent
from domain.events import UnknownEvent, decode
from storage.ports.dead_letters import DeadLetter
from storage.rows import DAY_MS
from storage.stores import StoreConfig, open_stores
from telemetry import metrics

_console = Console()


@app.command("dead-letters")
def dead_letters(
    retry: Annotated[
        bool, typer.Option("--retry", help="Append each event to the log again and forget the letter.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, latest days first.")] = 100,
) -> None:
    """List the events that a consumer of the log gave up after several failures, or (--retry) try them again.

    Exit code 0 when all that were to be tried again could be, 1 otherwise.
    """
    settings = load_settings()
    config = store_config(settings, RunState.read(settings.data_dir).endpoints)
    letters, stuck = asyncio.run(_list_or_retry(config, retry, limit))
    if not letters:
        _console.print("There are no dead letters.")
        return
    table = Table("day", "event", "consumer", "partition", "attempts", "error", box=None)
    for letter in letters:
        day = datetime.fromtimestamp(letter.day * DAY_MS / 1000, UTC).date().isoformat()
        table.add_row(
            day, str(letter.event_id), letter.consumer, str(letter.partition), str(letter.attempts), letter.error
        )
    _console.print(table)
    if retry:
        _console.print(f"{len(letters) - stuck} appended to the log again, {stuck} cannot be decoded and stay.")
        raise typer.Exit(1 if stuck else 0)


async def _list_or_retry(config: StoreConfig, retry: bool, limit: int) -> tuple[Sequence[DeadLetter], int]:
    """Read the letters, append their events if asked to, and count those that cannot be decoded."""
    stores = await open_stores(config)
    try:
        letters = await stores.ports.dead_letters.letters(limit=limit)
        stuck = 0
        for letter in letters if retry else ():
            try:
                event = decode(letter.body)
            except PoisonedEvent:
                event = None
            if event is None or isinstance(event, UnknownEvent):
                stuck += 1
                continue
            await stores.ports.log.append([event])
            metrics.EVENTS_APPENDED.record(by="dead_letter")
            await stores.ports.dead_letters.remove(letter)
        return letters, stuck
    finally:
        await stores.close()
