"""`python -m tests.acceptance`: the main job on a system of its own, compared with the oracle.

Exit codes: 0 done and nothing differed, 1 a difference, an edge never taken or a failure, 2 bad usage or settings.
"""

import asyncio
from enum import StrEnum
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.client.people import new_tag
from cluster.client.texts import read_texts
from cluster.command_line import run_app
from cluster.readiness import running_system
from tests.acceptance.own_system import OwnSystem, ended_in_order
from tests.acceptance.report import SYNTHETIC, verdict
from tests.acceptance.run import Cast, Target, demonstrate

_TWEETS = {"default": 2_000, "small": 800}
"""So many are posted unless told otherwise; a file is posted whole under default limits."""

_console = Console()


class Profiles(StrEnum):
    """Which limits the systems have that are started."""

    DEFAULT = "default"
    SMALL = "small"
    BOTH = "both"


def demo(
    users: Annotated[int, typer.Option(min=2, help="How many people take part.")] = 500,
    tweets: Annotated[int | None, typer.Option(min=1, help="How many texts are posted; a file is cycled.")] = None,
    seed: Annotated[int, typer.Option(help="What is drawn at random follows from it.")] = 1,
    file: Annotated[
        Path | None, typer.Option(help="Texts, one a line, or NDJSON with a `text` each; default: made-up ones.")
    ] = None,
    profile: Annotated[Profiles, typer.Option(help="Limits of the systems that are started.")] = Profiles.BOTH,
    url: Annotated[str | None, typer.Option(help="Use this running system instead, `http://host:port`.")] = None,
    running: Annotated[bool, typer.Option("--running", help="Use the system of the data folder instead.")] = False,
) -> None:
    """Post tweets as many people, then compare every timeline and every count with the oracle.

    Starts a system of its own (in a temporary folder, without rate limits) for each profile unless told to use one that
    runs, which must have MURMUR_RATE_LIMITS=off. Exit code 1 on any difference, and under small limits also when an
    edge that protects exactness was never taken.
    """
    texts = read_texts(file or SYNTHETIC)
    if texts.skipped:
        _console.print(f"{texts.skipped} lines break the rules of a tweet and are left out.")

    def cast(count: int, tag: str) -> Cast:
        return Cast(users=users, texts=list(islice(cycle(texts.kept), count)), seed=seed, tag=tag)

    if url is not None or running:
        base, running_endpoints = running_system(url)
        target = Target(url=base, endpoints=running_endpoints)
        right = asyncio.run(demonstrate(target, cast(tweets or _TWEETS["small"], new_tag()), _console))
        raise typer.Exit(0 if right else 1)

    right = True
    for name in ("default", "small"):
        if profile not in (Profiles.BOTH, name):
            continue
        _console.rule(f"{name} limits")
        whole = len(texts.kept) if file is not None and name == "default" else _TWEETS[name]
        with ended_in_order(), OwnSystem("small" if name == "small" else "default", _console.print) as system:
            endpoints = system.start()
            target = Target(url=endpoints.http_url, endpoints=endpoints, own=system, must_take_edges=name == "small")
            same = asyncio.run(demonstrate(target, cast(tweets or whole, "demo"), _console))
            if not same:
                system.keep_logs()
            right &= same
    verdict(right, "Nothing differed.", "Something differed; see above.", _console)


if __name__ == "__main__":
    app = typer.Typer(name="python -m tests.acceptance", add_completion=False, pretty_exceptions_enable=False)
    app.command()(demo)
    run_app(app)
