"""`python -m cluster seed`: signs people up on a running system, who follow each other."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from cluster.commands import app
from cluster.commands.replay import Url, Users

_console = Console()


@app.command()
def seed(
    users: Users = 50,
    url: Url = None,
    number: Annotated[int, typer.Option("--seed", help="Whom they follow is drawn from it.")] = 1,
) -> None:
    """Sign people up on a running system, have them follow each other, and print a few log-ins.

    The system should run with MURMUR_RATE_LIMITS=off: by default an address may sign up 10 people an hour.
    """
    from cluster.client.filling import seed_people
    from cluster.client.target import running_system

    asyncio.run(seed_people(running_system(url)[0], users, number, _console))
