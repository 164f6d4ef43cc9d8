"""Loss of everything under load, by `kill -9` or FLUSHALL: `python -m tests.acceptance.crash`.

Exit codes: 0 nothing was missing, 1 something was, or a failure, 2 bad usage.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Self

import redis.asyncio
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cluster.client.api import ApiClient, NoAnswer, connected
from cluster.client.people import follow_graph
from cluster.client.pool import each, progress
from cluster.client.texts import read_texts
from cluster.command_line import run_app
from tests.acceptance.actions import Actions
from tests.acceptance.own_system import OwnSystem, ended_in_order
from tests.acceptance.report import SYNTHETIC, comparison_table, print_differences, verdict
from tests.acceptance.verifier import Comparison, Verifier
from tests.acceptance.world import World, build_graph, open_homes, populate
from tests.support.api_user import HOME, ApiUser
from tests.support.oracle.oracle import Entry

_AT_ONCE = 24
_FOLLOWEES_MEAN = 10.0
_SETTLE_S = 40.0
_COMPLETE_S = 10.0
"""How soon after a FLUSHALL all reads must be complete again."""
_TEXT_CHARS_MAX = 100
_READS = 0.25
"""The part of the calls under load that read a home timeline."""
_GONE_S = 0.2
"""How long one waits before trying again a server that does not answer."""


class Load:
    """People who post and read until they are told to stop or nobody answers. Every text is unlike all others."""

    def __init__(self, world: World, unanswered: set[str]) -> None:
        """`unanswered` is kept up to date: what was sent and not answered may have been published, or not."""
        self._world = world
        self._actions = Actions(world)
        self._texts = read_texts(SYNTHETIC).kept
        self._unanswered = unanswered
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(each(self._go_on, range(_AT_ONCE), at_once=_AT_ONCE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        await self._running

    async def last(self, seconds: float) -> None:
        """Go on for a while. Raises what the load raised."""
        await asyncio.wait((self._running,), timeout=seconds)
        if self._running.done():
            self._running.result()

    async def _go_on(self, _worker: int) -> None:
        while not self._stopped.is_set():
            member = self._world.random.choice(self._world.members)
            try:
                if self._world.random.random() < _READS:
                    await self._actions.read_home(member, 2)
                else:
                    await self._post(member)
            except NoAnswer:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopped.wait(), _GONE_S)

    async def _post(self, author: ApiUser) -> None:
        number = self._world.tick()
        text = f"{number} {self._texts[number % len(self._texts)][:_TEXT_CHARS_MAX]}".strip()
        self._unanswered.add(text)
        await self._actions.post(author, text)
        self._unanswered.discard(text)


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill did."""

    answered: int
    unanswered: int
    killed: int
    restart_s: float
    homes: Comparison


async def crash_rounds(system: OwnSystem, rounds: int, users: int, load_s: float, seed: int, console: Console) -> bool:
    """Load, kill everything, start again, compare; so many times. Whether nothing was missing."""
    clock = asyncio.get_running_loop().time
    url = system.start().http_url
    unanswered: set[str] = set()
    done: list[Round] = []
    async with connected(url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            world = await _people(api, users, seed, bars)
        patience_s = api.patience_s
        for number in range(1, rounds + 1):
            answered_before, unanswered_before = len(world.oracle.tweets), len(unanswered)
            api.patience_s = 0.0  # what the load did not get done is not tried again
            async with Load(world, unanswered) as load:
                await load.last(load_s)
                killed = await asyncio.to_thread(system.kill_everything)  # the load goes on meanwhile
            api.patience_s = patience_s
            console.print(f"Round {number}: killed {killed} processes with kill -9 under load.")
            begun = clock()
            system.start()
            restart_s = clock() - begun
            with progress(console) as bars:
                verifier = Verifier(world, settle_s=_SETTLE_S, strict=True, maybe=unanswered)
                homes = await verifier.homes(bars)
            answered, left = len(world.oracle.tweets) - answered_before, len(unanswered) - unanswered_before
            done.append(Round(answered, left, killed, restart_s, homes))
    console.print(_rounds_table(done))
    return _nothing_differs([one.homes for one in done], world, console)


async def flush_once(system: OwnSystem, users: int, load_s: float, seed: int, console: Console) -> bool:
    """FLUSHALL under load. Whether reads were complete again in time, and all was right in the end."""
    clock = asyncio.get_running_loop().time
    endpoints = system.start()
    unanswered: set[str] = set()
    async with connected(endpoints.http_url, at_once=2 * _AT_ONCE) as api:
        with progress(console) as bars:
            world = await _people(api, users, seed, bars)
        async with Load(world, unanswered) as load:
            await load.last(load_s)
            answered = {member.id: world.oracle.home(member.id) for member in world.members}
            async with redis.asyncio.from_url(endpoints.redis_url) as client:
                await client.flushall()
            begun = clock()
            complete_s = 0.0
            while (unmet := await _unmet(world, answered)) and complete_s < 3 * _COMPLETE_S:
                console.print(f"{complete_s:.1f} s after FLUSHALL or later, {unmet} of {users} homes lacked some.")
                complete_s = clock() - begun
            await load.last(load_s)
        with progress(console) as bars:
            homes = await Verifier(world, settle_s=_SETTLE_S, strict=True, maybe=unanswered).homes(bars)
    in_time = not unmet and complete_s <= _COMPLETE_S
    console.print(
        f"{len(world.oracle.tweets)} tweets were answered; "
        + (
            f"every read of a home that began {complete_s:.1f} s after FLUSHALL or later was complete."
            if not unmet
            else f"of the reads that began {complete_s:.1f} s after FLUSHALL or later, {unmet} lacked something."
        ),
        style="green" if in_time else "red",
    )
    console.print(comparison_table([homes]))
    return _nothing_differs([homes], world, console) and in_time


async def _people(api: ApiClient, users: int, seed: int, bars: Progress) -> World:
    world = await populate(api, users, seed, "crash", bars)
    await build_graph(world, follow_graph(users, seed, followees_mean=_FOLLOWEES_MEAN), bars)
    await open_homes(world, bars)
    return world


async def _unmet(world: World, answered: Mapping[int, Sequence[Entry]]) -> int:
    """How many home timelines lack something of what was answered, each walked as far down as that goes."""
    count = 0

    async def look(member: ApiUser) -> None:
        nonlocal count
        expected = answered[member.id]
        down_to = min(expected, default=Entry(0, 0)).id
        shown = await member.tweets("home", HOME, down_to=down_to)
        count += not {entry.id for entry in expected} <= {tweet.entry for tweet in shown}

    await each(look, world.members, at_once=_AT_ONCE)
    return count


def _nothing_differs(comparisons: Sequence[Comparison], world: World, console: Console) -> bool:
    on_the_way = Comparison("at once, during the load", world.checks, tuple(world.problems), 0)
    all_of_them = [on_the_way, *comparisons]
    print_differences(all_of_them, console)
    return not any(comparison.differences for comparison in all_of_them)


def _rounds_table(rounds: Sequence[Round]) -> Table:
    columns = ("round", "201", "open", "killed", "ready s", "homes", "late", "differ")
    table = Table(
        *columns,
        title="kill -9 of everything, under load: tweets answered 201 and left open, processes killed",
        title_justify="left",
    )
    for number, one in enumerate(rounds, 1):
        homes = one.homes
        numbers = (number, one.answered, one.unanswered, one.killed, f"{one.restart_s:.1f}", homes.compared, homes.late)
        count = len(homes.differences)
        table.add_row(*map(str, numbers), f"[red]{count}[/red]" if count else "[green]0[/green]")
    return table


def crash_test(
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is killed.")] = 3,
    users: Annotated[int, typer.Option(min=2, help="How many people take part.")] = 60,
    seconds: Annotated[float, typer.Option(min=1, help="Seconds of load before each fault.")] = 8.0,
    seed: Annotated[int, typer.Option(help="What is drawn at random follows from it.")] = 1,
    flush: Annotated[bool, typer.Option("--flush", help="FLUSHALL of Redis under load instead of kills.")] = False,
) -> None:
    """Kill everything under load, stores included, start it again, and look for every tweet that was answered.

    Uses a system of its own. Exit code 1 when a tweet that was answered 201 is not in the home timelines of its author
    and followers; with --flush, when reads are not complete again within 10 s.
    """
    console = Console()
    with ended_in_order(), OwnSystem("default", console.print) as system:
        if flush:
            right = asyncio.run(flush_once(system, users, seconds, seed, console))
        else:
            right = asyncio.run(crash_rounds(system, rounds, users, seconds, seed, console))
    verdict(right, "Nothing was lost.", "Something is missing; see above.", console)


if __name__ == "__main__":
    app = typer.Typer(name="python -m tests.acceptance.crash", add_completion=False, pretty_exceptions_enable=False)
    app.command()(crash_test)
    run_app(app)
