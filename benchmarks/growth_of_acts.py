"""What an act costs, and how soon its count shows, with nothing, much and very much in the set that is counted.

One act at a time: it is sent, and the count is read at a steady pace until it shows to somebody else. What the system
takes without acts, while the same count is read at the same pace, is measured just before and subtracted.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from statistics import median
from typing import Any, NamedTuple

from benchmarks import processes, seeding
from benchmarks.bench import Bench
from benchmarks.results import Curve, Row, rounded
from cluster.client.api import Account, ApiClient, connected

_ACTORS = 32
"""More than follow somebody in a run: nobody follows twice."""
_PACE_S = 0.025
_BASE_S = 4.0
_AFTER_S = 0.15
"""How long an act is still counted as under way when its count shows."""
_GIVE_UP_S = 120.0
_ACTS = 6
"""Of each kind in a round."""
_WARM_UP = 3
_LEAST_MS = 0.1


class _Set(NamedTuple):
    """A set that is counted, and how acts add to it and take from it; `{}` is what it belongs to."""

    of: seeding.Counted
    path: str
    """The path under which its count is read."""
    add: tuple[str, str]
    """The name of the act, and its path."""
    remove: tuple[str, str] | None = None


_SETS = (
    _Set("likes", "/tweets/{}", ("like", "/tweets/{}/like"), ("unlike", "/tweets/{}/like")),
    _Set("followers", "/users/{}", ("follow", "/users/{}/follow")),
    _Set("replies", "/tweets/{}", ("reply", "/tweets")),
    _Set("tweets", "/users/{}", ("post", "/tweets"), ("delete", "/tweets/{}")),
)


@dataclass(slots=True)
class _Acts:
    """What the acts of one name did, by size of the set, round by round."""

    cpu_ms: dict[int, list[float]] = field(default_factory=dict)
    shown_ms: dict[int, list[float]] = field(default_factory=dict)

    def add(self, size: int, cpu_ms: float, shown_ms: float) -> None:
        self.cpu_ms.setdefault(size, []).append(max(_LEAST_MS, cpu_ms))
        self.shown_ms.setdefault(size, []).append(shown_ms)


@dataclass(slots=True)
class _Counted:
    """One set with members, what it belongs to, and who acts on it."""

    bench: Bench
    api: ApiClient
    set: _Set
    id: int
    members: int
    actors: Sequence[Account]
    actors_in_turn: Iterator[Account]
    made: list[int] = field(default_factory=list)
    """Tweets that were posted, of which the latest is deleted first."""
    acted: list[Account] = field(default_factory=list)
    """Those who turned a relation on, of whom the latest turns it off first."""

    async def round(self, size: int, found: dict[str, _Acts], acts: int) -> None:
        """So many acts of each kind that the set knows, one after the other."""
        base = await self._base()
        for actor in self.actors:
            actor.token = self.bench.tokens.of(actor.id)  # good for the whole round
        for name, path, by in self._kinds():
            shown: list[float] = []
            before, begun_s = self.bench.servers.cpu_s(), time.perf_counter()
            for _ in range(acts):
                self.members += by
                shown.append(await self._act(name, path, self._who(by)))
            spent_s = time.perf_counter() - begun_s
            taken = sum(processes.taken(before, self.bench.servers.cpu_s()).values()) - base * spent_s
            found.setdefault(name, _Acts()).add(size, taken * 1_000 / acts, median(shown) * 1_000)

    def _kinds(self) -> list[tuple[str, str, int]]:
        removing = [(*self.set.remove, -1)] if self.set.remove else []
        return [(*self.set.add, 1), *removing]

    def _who(self, by: int) -> Account:
        """Somebody who has not acted yet, or long ago; to take something away, the one who acted last."""
        if by < 0:
            return self.acted.pop()
        self.acted.append(next(self.actors_in_turn))
        return self.acted[-1]

    async def _act(self, name: str, path: str, actor: Account) -> float:
        """Act, and wait until the count shows it; the seconds that took from when the act was sent."""
        begun_s = time.perf_counter()
        match name:
            case "post" | "reply":
                body: dict[str, Any] = {"text": "Counted."}
                body |= {"reply_to_id": str(self.id)} if name == "reply" else {}
                posted = await self.api.call(name, "POST", path, actor, json=body)
                self.made.append(int(posted["id"]))
            case "delete":
                await self.api.call(name, "DELETE", path.format(self.made.pop()), actor)
            case _:
                await self.api.call(name, "DELETE" if name == "unlike" else "POST", path.format(self.id), actor)
        while (count := await self._count()) != self.members:
            waited_s = time.perf_counter() - begun_s
            assert waited_s < _GIVE_UP_S, f"{self.set.of} after a {name}: {count}, not {self.members}"
            await asyncio.sleep(_PACE_S)
        took_s = time.perf_counter() - begun_s
        await self._read_for(_AFTER_S)
        return took_s

    async def _count(self) -> int:
        answer = await self.api.call("count", "GET", self.set.path.format(self.id))
        return int(answer[f"{self.set.of}_count"])

    async def _read_for(self, seconds: float) -> None:
        ends_s = time.perf_counter() + seconds
        while time.perf_counter() < ends_s:
            await self._count()
            await asyncio.sleep(_PACE_S)

    async def _base(self) -> float:
        """Seconds of CPU a second while the count is read and nobody acts."""
        before, begun_s = self.bench.servers.cpu_s(), time.perf_counter()
        await self._read_for(_BASE_S)
        taken = processes.taken(before, self.bench.servers.cpu_s())
        return sum(taken.values()) / (time.perf_counter() - begun_s)


async def measure(bench: Bench) -> list[Row]:
    """A row of each act."""
    found: dict[str, _Acts] = {}
    async with connected(bench.endpoints.http_url, at_once=1) as api:
        counted = [(size, await _seeded(bench, api, each, size)) for size in bench.effort.set_sizes for each in _SETS]
        for _, each in counted:
            await each.round(0, {}, _WARM_UP)
        for _ in range(bench.effort.act_rounds):
            for size, each in counted:
                await each.round(size, found, _ACTS)
    return [_row(name, acts, bench.effort.set_sizes) for name, acts in found.items()]


async def _seeded(bench: Bench, api: ApiClient, set_: _Set, size: int) -> _Counted:
    """A set of this size around something of its own."""
    people = await bench.seeder.people(_ACTORS)
    owner = people[0]
    subject = owner if set_.path.startswith("/users") else await bench.seeder.tweet(owner)
    await seeding.write_rows(bench.stores.cassandra.session, seeding.members(set_.of, subject, size))
    accounts = [Account(id, "", "", "") for id in people]
    actors = accounts[:1] if set_.of == "tweets" else accounts[1:]
    return _Counted(bench, api, set_, subject, size, actors, cycle(actors))


def _row(name: str, acts: _Acts, sizes: Sequence[int]) -> Row:
    least, *_, most = sizes
    cpu, shown = acts.cpu_ms, acts.shown_ms
    return Row(
        key=f"growth_of_{name}",
        what=f"growth: CPU of a {name} with {most:,} in the set",
        against=f"with {least:,}: CPU there / here",
        unit="x",
        values=[few / many for few, many in zip(cpu[least], cpu[most], strict=True)],
        target=0.8,
        figures={
            **{f"CPU ms with {size:,}": rounded(cpu[size], 1) for size in sizes},
            **{f"ms until the count shows with {size:,}": rounded(shown[size]) for size in sizes},
        },
        curves=[
            Curve("CPU of an act", "in the set", "ms", [(n, median(cpu[n])) for n in sizes], name),
            Curve("Until its count shows", "in the set", "ms", [(n, median(shown[n])) for n in sizes], name),
        ],
    )
