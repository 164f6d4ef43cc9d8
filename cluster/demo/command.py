"""The commands `demo`, `replay`, `seed` and `crash-test`.

Exit codes: 0 done and nothing differed, 1 a difference, an edge never taken or a failure, 2 bad usage or settings.
What they are made of is imported when one of them runs: the other commands start faster without it.
"""

import asyncio
import contextlib
import secrets
import signal
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from cluster import readiness
from cluster.endpoints import Endpoints
from cluster.errors import NotReady
from cluster.settings import load_settings
from cluster.state import RunState

_TWEETS = {"default": 2_000, "small": 800}
"""So many are posted unless told otherwise; a file is posted whole under default limits."""

_console = Console()


class Profiles(StrEnum):
    """Which limits the systems have that are started."""

    DEFAULT = "default"
    SMALL = "small"
    BOTH = "both"


Users = Annotated[int, typer.Option(min=2, help="How many people take part.")]
Seed = Annotated[int, typer.Option(help="What is drawn at random follows from it.")]
Url = Annotated[
    str | None, typer.Option(help="A running system, `http://host:port`; default: that of the data folder.")
]


def demo(
    users: Users = 500,
    tweets: Annotated[int | None, typer.Option(min=1, help="How many texts are posted; a file is cycled.")] = None,
    seed: Seed = 1,
    file: Annotated[
        Path | None, typer.Option(help="Texts, one a line, or NDJSON with a `text` each; default: made-up ones.")
    ] = None,
    profile: Annotated[Profiles, typer.Option(help="Limits of the systems that are started.")] = Profiles.BOTH,
    url: Annotated[str | None, typer.Option(help="Use this running system instead, `http://host:port`.")] = None,
    running: Annotated[bool, typer.Option("--running", help="Use the system of the data folder instead.")] = False,
) -> None:
    """Post tweets as many people, then compare every timeline and every count with a plain model.

    Starts a system of its own (in a temporary folder, without rate limits) for each profile unless told to use one that
    runs, which must have MURMUR_RATE_LIMITS=off. Exit code 1 on any difference, and under small limits also when an
    edge that protects exactness was never taken.
    """
    from cluster.demo.own_system import OwnSystem
    from cluster.demo.run import Cast, Target, demonstrate
    from cluster.demo.texts import SYNTHETIC, read_texts

    texts = read_texts(file or SYNTHETIC)
    if texts.skipped:
        _console.print(f"{texts.skipped} lines break the rules of a tweet and are left out.")

    def cast(count: int, tag: str) -> Cast:
        return Cast(users=users, texts=texts.cycled(count), seed=seed, tag=tag)

    if url is not None or running:
        base, running_endpoints = _running(url)
        target = Target(url=base, endpoints=running_endpoints)
        right = asyncio.run(demonstrate(target, cast(tweets or _TWEETS["small"], _tag()), _console))
        raise typer.Exit(0 if right else 1)

    right = True
    for name in ("default", "small"):
        if profile not in (Profiles.BOTH, name):
            continue
        _console.rule(f"{name} limits")
        whole = len(texts.kept) if file is not None and name == "default" else _TWEETS[name]
        with _ended_in_order(), OwnSystem("small" if name == "small" else "default", _console.print) as system:
            endpoints = system.start()
            target = Target(url=endpoints.http_url, endpoints=endpoints, own=system, must_take_edges=name == "small")
            same = asyncio.run(demonstrate(target, cast(tweets or whole, "demo"), _console))
            if not same:
                system.keep_logs()
            right &= same
    _verdict(right, "Nothing differed.", "Something differed; see above.")


def replay(
    file: Annotated[Path, typer.Argument(help="Texts, one a line, or NDJSON with a `text` each.")],
    url: Url = None,
    users: Users = 20,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Tweets a second; default: as fast as it goes.")] = None,
) -> None:
    """Post a file of tweets to a running system, as people who are signed up for it.

    The system should run with MURMUR_RATE_LIMITS=off: by default an address may sign up 10 people an hour.
    """
    from cluster.demo.replay import replay_file

    asyncio.run(replay_file(_running(url)[0], file, users, rate, _tag(), _console))


def seed(
    users: Users = 50,
    url: Url = None,
    number: Annotated[int, typer.Option("--seed", help="Whom they follow is drawn from it.")] = 1,
) -> None:
    """Sign people up on a running system, have them follow each other, and print a few log-ins.

    The system should run with MURMUR_RATE_LIMITS=off: by default an address may sign up 10 people an hour.
    """
    from cluster.demo.replay import seed_people

    asyncio.run(seed_people(_running(url)[0], users, number, _tag(), _console))


def crash_test(
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is killed.")] = 3,
    users: Users = 60,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds of load before each fault.")] = 8.0,
    seed: Seed = 1,
    flush: Annotated[bool, typer.Option("--flush", help="FLUSHALL of Redis under load instead of kills.")] = False,
) -> None:
    """Kill everything under load, stores included, start it again, and look for every tweet that was answered.

    Uses a system of its own. Exit code 1 when a tweet that was answered 201 is not in the home timelines of its author
    and followers; with --flush, when reads are not complete again within 10 s.
    """
    from cluster.demo.crash import crash_rounds, flush_once
    from cluster.demo.own_system import OwnSystem

    with _ended_in_order(), OwnSystem("default", _console.print) as system:
        if flush:
            right = asyncio.run(flush_once(system, users, seconds, seed, _console))
        else:
            right = asyncio.run(crash_rounds(system, rounds, users, seconds, seed, _console))
    _verdict(right, "Nothing was lost.", "Something is missing; see above.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(demo)
    app.command()(replay)
    app.command()(seed)
    app.command("crash-test")(crash_test)


def _running(url: str | None) -> tuple[str, Endpoints | None]:
    """The running system that is meant. Raises `NotReady` when it is not ready, before anything is tried on it."""
    endpoints = RunState.read(load_settings().data_dir).endpoints if url is None else None
    base = (endpoints.http_url if endpoints is not None else url or "").rstrip("/")
    state = readiness.ask(base)
    if not state.ready:
        raise NotReady(f"The system at {base} is not ready: {state.summary()}.")
    return base, endpoints


def _tag() -> str:
    """Names that nobody on the system has yet: at most 15 signs with the number behind it."""
    return f"m{secrets.token_hex(3)}"


def _verdict(right: bool, good: str, bad: str) -> None:
    _console.print(good if right else bad, style="green" if right else "red")
    if not right:
        raise typer.Exit(1)


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends us as Ctrl-C does, so that the system we started is stopped and its folder removed."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
