"""`python -m cluster dataflows`: the commands of `dataflows_cli`."""

import typer

from cluster import dataflows_cli


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dataflows_cli.app, name="dataflows")
