"""What survives a `kill -9` of everything, and how long a FLUSHALL can be felt."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import redis.asyncio
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cluster.demo.actions import Actions
from cluster.demo.client import Api, Member, NoAnswer
from cluster.demo.graph import follow_graph
from cluster.demo.own_system import OwnSystem
from cluster.demo.pool import each
from cluster.demo.texts import SYNTHETIC, read_texts
from cluster.demo.verify import Comparison, Verifier
from cluster.demo.world import World, build_graph, open_homes, populate, progress
from cluster.endpoints import Endpoints

_AT_ONCE = 24
_FOLLOWEES_MEAN = 10.0
_SETTLE_S = 40.0
_COMPLETE_S = 10.0
"""How soon after a FLUSHALL all reads must be complete again."""
_TEXT_CHARS_MAX = 100
_READS = 4
"""Of so many calls of the load, one reads a home timeline."""


class Load:
    """People who post and read until they are told to stop or nobody answers. Every text is unlike all others."""

    def __init__(self, world: World, api: Api) -> None:
        self._world = world
        self._actions = Actions(world.through(api))
        self._texts = read_texts(SYNTHETIC).kept
        self._number = 0
        self.stopped = asyncio.Event()
        self.unanswered: set[str] = set()
        """What was sent and not answered: it may have been published, or not."""

    async def run(self) -> None:
        await each(self._go_on, range(_AT_ONCE), at_once=_AT_ONCE)

    async def _go_on(self, _worker: int) -> None:
        while not self.stopped.is_set():
            member = self._world.random.choice(self._world.members)
            self._number += 1
            if self._number % _READS == 0:
                await self._read(member)
            else:
                await self._post(member, self._number)

    async def _post(self, author: Member, number: int) -> None:
        text = f"{number} {self._texts[number % len(self._texts)][:_TEXT_CHARS_MAX]}".strip()
        self.unanswered.add(text)
        try:
            await self._actions.post(author, text)
        except NoAnswer:
            return
        self.unanswered.discard(text)

    async def _read(self, member: Member) -> None:
        try:
            await self._actions.read_home(member, 2)
        except NoAnswer:
            return


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill did."""

    answered: int
    unanswered: int
    killed: int
    restart_s: float
    homes: Comparison


def crash_rounds(
    system: OwnSystem, rounds: int, users: int, load_s: float, seed: int, console: Console
) -> bool:
    """Load, kill everything, start again, compare; so many times. Whether nothing was missing."""
    world, unanswered = None, set[str]()
    endpoints = system.start()
    done: list[Round] = []
    for number in range(1, rounds + 1):
        with progress(console) as bars, asyncio.Runner() as runner:
            if world is None:
                world = runner.run(_people(endpoints.http_url, users, seed, bars))
            bars.add_task(f"Load, then kill -9 of everything ({number} of {rounds})", total=None)
            before = len(world.model.tweets)
            killed = runner.run(_load_and_kill(world, endpoints, system, load_s, unanswered))
        console.print(f"Killed {killed} processes under load.")
        with progress(console) as bars, asyncio.Runner() as runner:
            begun = runner.get_loop().time()
            endpoints = system.start()
            restart_s = runner.get_loop().time() - begun
            homes = runner.run(_compare(world, endpoints.http_url, unanswered, bars))
        done.append(Round(len(world.model.tweets) - before, len(unanswered), killed, restart_s, homes))
    console.print(_rounds_table(done))
    return not _print_differences([one.homes for one in done], console)
