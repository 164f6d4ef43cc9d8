"""Filling a running system: people who follow each other, and a file of tweets."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cluster.demo.client import Api
from cluster.demo.graph import follow_graph
from cluster.demo.pool import each
from cluster.demo.texts import read_texts
from cluster.demo.world import build_graph, populate, progress

_AT_ONCE = 16
_LOG_INS_SHOWN = 5


async def replay_file(url: str, file: Path, users: int, rate: float | None, tag: str, console: Console) -> None:
    """Post every text of a file, in order, as newly signed up people; at most `rate` a second."""
    texts = read_texts(file)
    async with Api(url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            world = await populate(api, users, 1, tag, bars)
            bar = bars.add_task("Posting", total=len(texts.kept))
            clock = asyncio.get_running_loop().time
            begun = clock()

            async def post(numbered: tuple[int, str]) -> None:
                number, text = numbered
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + number / rate - clock()))  # its turn, not a wait for others
                await api.post(world.members[number % users], text)
                bars.advance(bar)

            await each(post, enumerate(texts.kept), at_once=_AT_ONCE)
            seconds = clock() - begun
        console.print(
            f"{len(texts.kept)} tweets in {seconds:.0f} s ({len(texts.kept) / seconds:.0f}/s); "
            f"{texts.skipped} lines that break the rules were left out."
        )
        console.print(api.latencies.table("Latencies"))


async def seed_people(url: str, users: int, seed: int, tag: str, console: Console) -> None:
    """Sign people up, have them follow each other, and print some log-ins."""
    async with Api(url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            world = await populate(api, users, seed, tag, bars)
            await build_graph(world, follow_graph(users, seed), bars)
        followers = world.model.followers
        table = Table(
            "username", "password", "followers", title="Some of them, the most followed first", title_justify="left"
        )
        by_followers = sorted(world.members, key=lambda member: len(followers[member.id]), reverse=True)
        for member in by_followers[:_LOG_INS_SHOWN]:
            table.add_row(member.username, member.password, str(len(followers[member.id])))
        console.print(table)
