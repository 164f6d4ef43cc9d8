"""What the command lines have in common."""

import typer
from rich.console import Console

from cluster.errors import ClusterError
from domain.errors import EngineError

_errors = Console(stderr=True)


def command_line(name: str, purpose: str) -> typer.Typer:
    """A command line to which commands are added."""
    return typer.Typer(
        name=name, help=purpose, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


def run_app(app: typer.Typer) -> None:
    """Run a command line; a failure that we know ends in its one sentence."""
    try:
        app()
    except (ClusterError, EngineError) as failure:
        _errors.print(str(failure), style="red", highlight=False, markup=False, soft_wrap=True)
        raise SystemExit(getattr(failure, "exit_code", 1)) from None
