"""`python -m cluster replay`: posts a file of tweets to a running system."""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.client.api import connected
from cluster.client.people import new_tag, sign_up
from cluster.client.pool import each_with_bar, progress
from cluster.client.texts import read_texts
from cluster.commands import app
from cluster.readiness import running_system

Users = Annotated[int, typer.Option(min=2, help="How many people take part.")]
Url = Annotated[
    str | None, typer.Option(help="A running system, `http://host:port`; default: that of the data folder.")
]

AT_ONCE = 16
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
    asyncio.run(_replay(running_system(url)[0], file, users, rate))


async def _replay(url: str, file: Path, users: int, rate: float | None) -> None:
    texts = read_texts(file)
    async with connected(url, at_once=AT_ONCE) as api:
        with progress(_console) as bars:
            people = await sign_up(api, users, new_tag(), bars)
            clock = asyncio.get_running_loop().time
            begun = clock()

            async def post(numbered: tuple[int, str]) -> None:
                number, text = numbered
                if rate is not None:
                    await asyncio.sleep(max(0.0, begun + number / rate - clock()))  # its turn, not a wait for others
                key = {"Idempotency-Key": secrets.token_hex(12)}
                await api.call("post", "POST", "/tweets", people[number % users], json={"text": text}, headers=key)

            await each_with_bar(bars, "Posting", post, list(enumerate(texts.kept)), at_once=AT_ONCE)
            seconds = clock() - begun
        _console.print(
            f"{len(texts.kept)} tweets in {seconds:.0f} s ({len(texts.kept) / seconds:.0f}/s); "
            f"{texts.skipped} lines that break the rules were left out."
        )
        _console.print(api.latencies.table("Latencies"))
