"""The world of an acceptance run: its people, the oracle, and the differences that were found on the way."""

import random
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

from rich.progress import Progress

from cluster.client import people
from cluster.client.api import ApiClient
from cluster.client.people import Edge
from cluster.client.pool import each_with_bar
from tests.support.api_user import HOME, ApiUser
from tests.support.oracle.oracle import Oracle, Relation, Span


class Claims:
    """Tweets and relations that are being changed right now, so that the outcome is known.

    Two calls that would race on one relation or one tweet are never under way together: who finds a thing taken picks
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
    """The members by number and by id, the oracle of what was acknowledged, and the differences found on the way."""

    def __init__(self, api: ApiClient, members: Sequence[ApiUser], seed: int) -> None:
        self.api = api
        self.members = members
        self.by_id = {member.id: member for member in members}
        self.oracle = Oracle()
        self.random = random.Random(seed)
        self.claims = Claims()
        self.problems: list[str] = []
        self.checks = 0
        self._now = 0

    def tick(self) -> int:
        """The next step of the clock of this run."""
        self._now += 1
        return self._now

    def since(self, begun: int) -> Span:
        """The span from then to now."""
        return Span(begun, self.tick())

    def check(self, difference: str | None) -> None:
        """Count a check on the way, and keep what it found."""
        self.checks += 1
        if difference is not None:
            self.problems.append(difference)

    async def follow(self, user: ApiUser, target: ApiUser) -> None:
        """Follow, and note it."""
        begun = self.tick()
        follows = bool((await user.relate(Relation.FOLLOW, target.id, on=True))["following"])
        self.oracle.relate(Relation.FOLLOW, user.id, target.id, self.since(begun))
        self.check(None if follows else f"{user.username} does not follow {target.username} right after following")


async def populate(api: ApiClient, users: int, seed: int, tag: str, bars: Progress) -> World:
    """Sign people up. `tag` keeps the names of several runs on one system apart."""
    accounts = await people.sign_up(api, users, tag, bars)
    return World(api, [ApiUser(api, account) for account in accounts], seed)


async def build_graph(world: World, edges: Sequence[Edge], bars: Progress) -> None:
    """Have people follow each other."""

    async def follow(edge: Edge) -> None:
        await world.follow(world.members[edge[0]], world.members[edge[1]])

    await each_with_bar(bars, "Following", follow, edges, at_once=world.api.at_once)


async def open_homes(world: World, bars: Progress) -> None:
    """Have everybody look at their home timeline once, so that it exists and tweets are delivered to it."""

    async def look(member: ApiUser) -> None:
        await member.page("home", HOME)

    await each_with_bar(bars, "Opening homes", look, world.members, at_once=world.api.at_once)
