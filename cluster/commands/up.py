"""`python -m cluster up`: starts a whole system and keeps it running."""

from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from cluster.commands import app
from cluster.commands.dashboard_token import SHOW_TOKEN
from cluster.embedded.ray_node import token_path
from cluster.settings import load_settings
from cluster.state import Endpoints
from cluster.system import System
from domain.clock import SystemClock

_console = Console()


@app.command()
def up(
    timings: Annotated[bool, typer.Option("--timings", help="Say what the start has reached, after how long.")] = False,
) -> None:
    """Start the whole system and keep it running until Ctrl-C or SIGTERM.

    Exit code 0 after a stop that was asked for, 1 when something failed, 2 for bad settings, 3 when a system already
    runs on the data folder.
    """
    began_ms = psutil.Process().create_time() * 1_000

    def reached(what: str) -> None:
        if timings:
            _console.print(f"{(SystemClock().now_ms() - began_ms) / 1_000:6.1f} s  {what}.", highlight=False)

    reached("The command is loaded")
    system = System(load_settings(), _console.print, reached)
    try:
        endpoints = system.start()
        _console.print("[green]Murmur is up.[/green] Ctrl-C stops it.")
        _console.print(_table(endpoints), soft_wrap=True)
        system.serve_forever()
    except KeyboardInterrupt:
        _console.print("Stopped before it was up.")
    finally:
        system.stop()


def _table(endpoints: Endpoints) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("API", f"{endpoints.http_url}/api/v1")
    table.add_row("API documentation", f"{endpoints.http_url}/docs")
    table.add_row("Ray dashboard", endpoints.dashboard_url or f"that of {endpoints.ray_address}")
    if token_path(endpoints.data_dir).is_file():
        table.add_row("Its token", SHOW_TOKEN)
    table.add_row("Metrics", "\n".join(endpoints.metrics_urls) or "those of the cluster that was joined")
    table.add_row("Cassandra", ", ".join(endpoints.cassandra_contact_points))
    table.add_row("Redis", endpoints.redis_url.rsplit("@", 1)[-1])
    table.add_row("Data folder", str(endpoints.data_dir))
    table.add_row("Log folder", str(endpoints.log_dir))
    return table
