"""The command line: `up`, `down` and `status`; further commands live in modules of their own.

Exit codes: 0 done (for `status`: all green), 1 failed or not all green, 2 bad usage or settings, 3 already running.
A module `commands_<name>.py` beside this one adds a command: it has a function `register(app: typer.Typer)`.
"""

import importlib
import json
import pkgutil
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import cluster
from cluster.command_line import command_line, run_app
from cluster.commands_dashboard_token import SHOW_TOKEN
from cluster.down import stop_running
from cluster.embedded.ray_node import token_path
from cluster.settings import load_settings
from cluster.status import Report, inspect
from cluster.up import System

app = command_line(
    "python -m cluster",
    "Start, stop and inspect a Murmur system. Settings are read from MURMUR_* environment variables.",
)
_console = Console()


@app.command()
def up() -> None:
    """Start the whole system and keep it running until Ctrl-C or SIGTERM.

    Exit code 0 after a stop that was asked for, 1 when something failed, 2 for bad settings, 3 when a system already
    runs on the data folder.
    """
    system = System(load_settings(), _console.print)
    system.stop_on_signals()
    try:
        endpoints = system.start()
        system.wait_ready()
        _console.print("[green]Murmur is up.[/green] Ctrl-C stops it.")
        places = Table(show_header=False, box=None)
        places.add_row("API", f"{endpoints.http_url}/api/v1")
        places.add_row("API documentation", f"{endpoints.http_url}/docs")
        places.add_row("Ray dashboard", endpoints.dashboard_url or f"that of {endpoints.ray_address}")
        if token_path(endpoints.data_dir).is_file():
            places.add_row("Its token", SHOW_TOKEN)
        places.add_row("Metrics", "\n".join(endpoints.metrics_urls) or "those of the cluster that was joined")
        places.add_row("Cassandra", ", ".join(endpoints.cassandra_contact_points))
        places.add_row("Redis", endpoints.redis_url.rsplit("@", 1)[-1])
        places.add_row("Data folder", str(endpoints.data_dir))
        places.add_row("Log folder", str(endpoints.log_dir))
        _console.print(places, soft_wrap=True)
        system.serve_forever()
    except KeyboardInterrupt:
        _console.print("Stopped before it was up.")
    finally:
        system.stop()


@app.command()
def down(
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for its end.")] = 20.0,
) -> None:
    """Stop the system that runs on the data folder. Exit code 0 when it has ended, 1 otherwise."""
    settings = load_settings()
    pid = stop_running(settings.data_dir, timeout)
    _console.print(f"Stopped Murmur (pid {pid}).")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """Show each dependency and actor of the running system. Exit code 0 only when all are green."""
    report = inspect(load_settings())
    if as_json:
        typer.echo(json.dumps(report.as_document(), indent=2))
    else:
        _show(report)
    if not report.all_green:
        raise typer.Exit(1)


def _show(report: Report) -> None:
    table = Table("", "kind", "name", "detail", box=None)
    for line in report.lines:
        table.add_row("[green]ok[/green]" if line.ok else "[red]down[/red]", line.kind, line.name, line.detail)
    _console.print(table)


def _register_commands() -> None:
    for module in pkgutil.iter_modules(cluster.__path__):
        if module.name.startswith("commands_"):
            register: Callable[[typer.Typer], None] = importlib.import_module(f"cluster.{module.name}").register
            register(app)


def main() -> None:
    """Run the command line."""
    _register_commands()
    run_app(app)
