"""`python -m cluster seed` and `replay`: people and tweets for a running system.

What they are made of is imported when one of them runs: the other commands start faster without it.
"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.client.target import running_system

Users = Annotated[int, typer.Option(min=2, help="How many people take part.")]
Url = Annotated[
    str | None, typer.Option(help="A running system, `http://host:port`; default: that of the data folder.")
]

_console = Console()


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(replay)
    app.command()(seed)


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

    asyncio.run(replay_file(running_system(url)[0], file, users, rate, _console))


def seed(
    users: Users = 50,
    url: Url = None,
    number: Annotated[int, typer.Option("--seed", help="Whom they follow is drawn from it.")] = 1,
) -> None:
    """Sign people up on a running system, have them follow each other, and print a few log-ins.

    The system should run with MURMUR_RATE_LIMITS=off: by default an address may sign up 10 people an hour.
    """
    from cluster.client.filling import seed_people

    asyncio.run(seed_people(running_system(url)[0], users, number, _console))
