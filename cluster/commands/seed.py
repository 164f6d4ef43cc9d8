"""`python -m cluster seed`: signs people up on a running system, who follow each other."""

import asyncio
from collections import Counter
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster.client.api import connected
from cluster.client.people import Edge, follow_graph, new_tag, sign_up
from cluster.client.pool import each_with_bar, progress
from cluster.commands import app
from cluster.commands.replay import AT_ONCE, Url, Users
from cluster.readiness import running_system

_LOG_INS_SHOWN = 5
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
    asyncio.run(_seed(running_system(url)[0], users, number))


async def _seed(url: str, users: int, seed: int) -> None:
    edges = follow_graph(users, seed)
    async with connected(url, at_once=AT_ONCE) as api:
        with progress(_console) as bars:
            people = await sign_up(api, users, new_tag(), bars)

            async def follow(edge: Edge) -> None:
                follower, followee = people[edge[0]], people[edge[1]]
                await api.call("follow", "POST", f"/users/{followee.id}/follow", follower)

            await each_with_bar(bars, "Following", follow, edges, at_once=AT_ONCE)
    followers = Counter(followee for _, followee in edges)
    table = Table(
        "username", "password", "followers", title="Some of them, the most followed first", title_justify="left"
    )
    for number in sorted(range(users), key=lambda number: followers[number], reverse=True)[:_LOG_INS_SHOWN]:
        table.add_row(people[number].username, people[number].password, str(followers[number]))
    _console.print(table)
