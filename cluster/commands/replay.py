"""`python -m cluster replay`: posts a file of tweets to a running system.

The client is imported when the command runs: the other commands start faster without it.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.commands import app

Users = Annotated[int, typer.Option(min=2, help="How many people take part.")]
Url = Annotated[
    str | None, typer.Option(help="A running system, `http://host:port`; default: that of the data folder.")
]

_console = Console()


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Texts, one a line, or NDJSON with a `text` each.")],
    url: Url = None,
    users: Users = 20,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Tweets a second; default: as fast as it goes.")] = None,
) -> None:
    """Post a file of tweets to a running system, as people who are signed up for it.

    The system should run with MURMUR_RATE_LIMITS=off: by default an address may sign up 10 people an hour.
    """
    from cluster.client.filling import replay_file
    from cluster.client.target import running_system

    asyncio.run(replay_file(running_system(url)[0], file, users, rate, _console))
