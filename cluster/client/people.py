"""People who sign up on a system and follow each other, with progress bars."""

import asyncio
import secrets
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cluster.client.api import Account, ApiClient
from cluster.client.follow_graph import Edge
from cluster.client.pool import each_with_bar

_PASSWORD = "correct horse battery"
_REGISTRATIONS_AT_ONCE = 8


def new_tag() -> str:
    """A prefix of names that nobody on the system has yet: at most 15 signs with a number behind it."""
    return f"m{secrets.token_hex(3)}"


def progress(console: Console) -> Progress:
    """A progress bar as all commands show it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)


async def sign_up(api: ApiClient, users: int, tag: str, bars: Progress) -> list[Account]:
    """Sign people up. `tag` keeps the names of several runs on one system apart."""
    bar = bars.add_task("Signing up", total=users)
    gate = asyncio.Semaphore(_REGISTRATIONS_AT_ONCE)

    async def one(number: int) -> Account:
        async with gate:
            username = f"{tag}_{number}"
            account = await api.sign_up(username, f"{username}@murmur.example", _PASSWORD)
        bars.advance(bar)
        return account

    return await asyncio.gather(*map(one, range(users)))


async def follow_each_other(api: ApiClient, people: Sequence[Account], edges: Sequence[Edge], bars: Progress) -> None:
    """Have people follow each other."""

    async def follow(edge: Edge) -> None:
        follower, followee = people[edge[0]], people[edge[1]]
        await api.call("follow", "POST", f"/users/{followee.id}/follow", follower)

    await each_with_bar(bars, "Following", follow, edges, at_once=api.at_once)
