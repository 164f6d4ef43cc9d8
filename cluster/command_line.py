"""Command lines made of the modules of a folder, and the one sentence in which a known failure ends."""

import importlib
import pkgutil
from datetime import UTC, datetime
from types import ModuleType

import typer
from rich.console import Console

from cluster.errors import ClusterError
from domain.clock import SystemClock
from domain.errors import EngineError

TIME_FORMATS = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%d"]
"""Of options that are points in time."""
_errors = Console(stderr=True)


def command_line(name: str, purpose: str) -> typer.Typer:
    """Make a command line to which the modules of a package add their commands."""
    return typer.Typer(
        name=name, help=purpose, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


def with_commands(folder: ModuleType) -> typer.Typer:
    """The `app` of a package, after all of its modules were imported and have added their commands."""
    for module in pkgutil.iter_modules(folder.__path__):
        if not module.ispkg:
            importlib.import_module(f"{folder.__name__}.{module.name}")
    app: typer.Typer = folder.app
    return app


def run(folder: ModuleType) -> None:
    """Run the command line of a package; a failure that we know ends in its one sentence."""
    try:
        with_commands(folder)()
    except (ClusterError, EngineError) as failure:
        _errors.print(str(failure), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(getattr(failure, "exit_code", 1)) from None


def utc_ms(time: datetime) -> int:
    """Convert an option to a wall time; one without a zone is UTC."""
    return round((time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp() * 1000)


def past_ms(time: datetime | None) -> int:
    """Convert an option to a wall time that is not in the future; now where none was given."""
    now_ms = SystemClock().now_ms()
    return now_ms if time is None else min(now_ms, utc_ms(time))
