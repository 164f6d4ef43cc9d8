"""A command line made of the modules of a folder; a known failure ends in its one sentence."""

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


def with_commands(folder: ModuleType, named: str = "") -> typer.Typer:
    """The `app` of a package to which its modules have added their commands.

    Only the module of the command that is named is imported, if there is one: what others need is not loaded.
    """
    found = [module.name for module in pkgutil.iter_modules(folder.__path__)]
    name = named.replace("-", "_")
    for wanted in [name] if name in found else found:
        module = importlib.import_module(f"{folder.__name__}.{wanted}")
        if hasattr(module, "__path__"):
            with_commands(module)
    app: typer.Typer = folder.app
    return app


def run_app(app: typer.Typer) -> None:
    """Run a command line; a failure that we know ends in its one sentence."""
    try:
        app()
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
