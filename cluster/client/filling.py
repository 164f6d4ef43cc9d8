"""Filling a running system: people who follow each other, and a file of tweets."""

import asyncio
import secrets
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cluster.client.api import connected
from cluster.client.follow_graph import follow_graph
from cluster.client.people import follow_each_other, new_tag, progress, sign_up
from cluster.client.pool import each_with_bar
from cluster.client.texts import read_texts

_AT_ONCE = 16
_LOG_INS_SHOWN = 5


async def replay_file(url: str, file: Path, users: int, rate: float | None, console: Console) -> None:
    """Post every text of a file, in order, as newly signed up people; at most `rate` a second."""
    texts = read_texts(file)
    async with connected(url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            people = await sign_up(api, users, new_tag(), bars)
            clock = asyncio.get_running_loop().time
            begun = clock()

            async def post(numbered: tuple[int, str]) -> None:
                number, text = numbered
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + number / rate - clock()))  # its turn, not a wait for others
                key = {"Idempotency-Key": secrets.token_hex(12)}
                await api.call("post", "POST", "/tweets", people[number % users], json={"text": text}, headers=key)

            await each_with_bar(bars, "Posting", post, list(enumerate(texts.kept)), at_once=_AT_ONCE)
            seconds = clock() - begun
        console.print(
            f"{len(texts.kept)} tweets in {seconds:.0f} s ({len(texts.kept) / seconds:.0f}/s); "
            f"{texts.skipped} lines that break the rules were left out."
        )
        console.print(api.latencies.table("Latencies"))


async def seed_people(url: str, users: int, seed: int, console: Console) -> None:
    """Sign people up, have them follow each other, and print some log-ins."""
    edges = follow_graph(users, seed)
    async with connected(url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            people = await sign_up(api, users, new_tag(), bars)
            await follow_each_other(api, people, edges, bars)
    followers = Counter(followee for _, followee in edges)
    table = Table(
        "username", "password", "followers", title="Some of them, the most followed first", title_justify="left"
    )
    for number in sorted(range(users), key=lambda number: followers[number], reverse=True)[:_LOG_INS_SHOWN]:
        table.add_row(people[number].username, people[number].password, str(followers[number]))
    console.print(table)
