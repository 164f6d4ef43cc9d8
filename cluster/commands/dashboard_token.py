"""`python -m cluster dashboard-token`: prints the token that Ray's dashboard, and all who talk to Ray, must have."""

import sys
from typing import Annotated

import typer

from cluster.commands import app
from cluster.embedded.ray_node import token_path
from cluster.errors import ClusterError
from cluster.settings import load_settings

SHOW_TOKEN = ".venv/bin/python -m cluster dashboard-token"


@app.command("dashboard-token")
def dashboard_token(
    show: Annotated[
        bool, typer.Option("--show", help="Print it although it goes to a file or a pipe, where it may stay.")
    ] = False,
) -> None:
    """Print the token that the Ray dashboard of this data folder asks for: paste it there. It opens the whole system.

    Exit code 1 when there is none, or when it would not go to a terminal.
    """
    path = token_path(load_settings().data_dir)
    if not path.is_file():
        raise ClusterError(f"There is no token at {path}; has a system been started on this data folder?")
    if not show and not sys.stdout.isatty():
        raise ClusterError("The token would go to a file or a pipe, where it may stay; say --show if it should.")
    typer.echo(path.read_text())
