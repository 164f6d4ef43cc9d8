"""Everything that a run of the demonstration is about: the people, the model, and what went wrong."""

import asyncio
import random
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cluster.demo.client import Api, Member
from cluster.demo.model import Model
from cluster.demo.pool import each

Edge = tuple[int, int]
"""(follower, followee), by their numbers among the members."""

_PASSWORD = "correct horse battery"
_REGISTRATIONS_AT_ONCE = 8


class Claims:
    """What is being changed right now, so that the model knows the outcome.

    Two calls that would race on one switch or one tweet are never under way together: who finds a thing taken picks
    another one. Everything else does race.
    """

    def __init__(self) -> None:
        self._shared: Counter[Hashable] = Counter()
        self._owned: set[Hashable] = set()

    def can_share(self, key: Hashable) -> bool:
        return key not in self._owned

    def can_own(self, key: Hashable) -> bool:
        return key not in self._owned and not self._shared[key]

    @contextmanager
    def share(self, *keys: Hashable) -> Iterator[None]:
        """Use things that must not be deleted meanwhile."""
        assert all(map(self.can_share, keys)), "somebody deletes it"
        self._shared.update(keys)
        try:
            yield
        finally:
            self._shared.subtract(keys)

    @contextmanager
    def own(self, key: Hashable) -> Iterator[None]:
        """Change a thing that nobody else may use meanwhile."""
        assert self.can_own(key), "it is in use"
        self._owned.add(key)
        try:
            yield
        finally:
            self._owned.discard(key)


class World:
    """The members by number and by id, the model of what was acknowledged, and the differences found on the way."""

    def __init__(self, api: Api, members: Sequence[Member], seed: int) -> None:
        self.api = api
        self.members = members
        self.by_id = {member.id: member for member in members}
        self.model = Model()
        self.model.users = [member.id for member in members]
        self.random = random.Random(seed)
        self.claims = Claims()
        self.problems: list[str] = []
        self.checks = 0

    def check(self, difference: str | None) -> None:
        """Count a check on the way, and keep what it found."""
        self.checks += 1
        if difference is not None:
            self.problems.append(difference)

    async def follow(self, user: Member, target: Member) -> None:
        """Follow, and note it."""
        begun = self.model.tick()
        follows = await self.api.follow(user, target.id, on=True)
        self.model.follow(user.id, target.id, self.model.since(begun))
        self.check(None if follows else f"{user.username} does not follow {target.username} right after following")


def progress(console: Console) -> Progress:
    """A progress bar as all commands show it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)


async def populate(api: Api, users: int, seed: int, tag: str, bars: Progress) -> World:
    """Sign people up. `tag` keeps the names of several runs on one system apart."""
    bar = bars.add_task("Signing up", total=users)
    gate = asyncio.Semaphore(_REGISTRATIONS_AT_ONCE)

    async def sign_up(number: int) -> Member:
        async with gate:
            username = f"{tag}_{number}"
            member = await api.register(username, f"{username}@murmur.example", _PASSWORD)
        bars.advance(bar)
        return member

    return World(api, await asyncio.gather(*map(sign_up, range(users))), seed)


async def build_graph(world: World, edges: Sequence[Edge], bars: Progress) -> None:
    """Have people follow each other."""
    bar = bars.add_task("Following", total=len(edges))

    async def follow(edge: Edge) -> None:
        await world.follow(world.members[edge[0]], world.members[edge[1]])
        bars.advance(bar)

    await each(follow, edges, at_once=world.api.at_once)


async def open_homes(world: World, bars: Progress) -> None:
    """Have everybody look at their home timeline once, so that it exists and tweets are delivered to it."""
    bar = bars.add_task("Opening homes", total=len(world.members))

    async def look(member: Member) -> None:
        await world.api.page("home", "/timeline/home", member)
        bars.advance(bar)

    await each(look, world.members, at_once=world.api.at_once)
