"""The commands of `python -m cluster dataflows`: dataflows over the history of a running system."""

import typer

from cluster import commands

app = typer.Typer(help="Dataflows over the events that a running system keeps.", no_args_is_help=True)
commands.app.add_typer(app, name="dataflows")
