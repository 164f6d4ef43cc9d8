"""One fault after another under load on one system, each followed by a comparison of everything."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cluster.client.api import ApiClient, connected
from tests.chaos.breaking import FAULTS
from tests.chaos.checker import Check, Checker, Verdict, outcomes
from tests.chaos.history import History
from tests.chaos.load import Client, Load, sign_up
from tests.chaos.nodes import NODE_FAULTS
from tests.chaos.redis_nodes import REDIS_FAULTS
from tests.chaos.stage import Stage
from tests.support.oracle.answers import Outcome

_CLIENTS = 12
_FOLLOWERS = 6
"""Of whoever tries whether it works again; together they are in many ranges."""
_BEFORE_S = 3.0
_AFTER_S = 3.0
_RECOVERY_MAX_S = 60.0
_PROBE_EVERY_S = 0.1
_TIMEOUT_S = 10.0
"""How long a caller waits for an answer; what is not answered in time is not known."""
_AT_ONCE = 100
_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did."""

    fault: str
    recovered_s: float | None
    """From the fault, or its end, until `/readyz` is 200 and a new tweet was in the timelines of all followers."""
    calls: int
    refused: int
    unknown: int
    verdict: Verdict


class Probe:
    """An author and followers by whom it is seen whether everything works; what they do is in the history too."""

    def __init__(self, load: Load, author: Client, followers: Sequence[Client]) -> None:
        self._load = load
        self._author = author
        self._followers = followers

    async def fails(self) -> str | None:
        """What is wrong with a tweet that is published now: it is to be answered, and in all timelines soon."""
        post = await self._load.post(self._author)
        if post.outcome is not Outcome.ACKNOWLEDGED:
            return f"a tweet is {post.outcome}: {post.problem}"
        clock = asyncio.get_running_loop().time
        deadline_s = clock() + 1.0
        while blind := [each.username for each in self._followers if not await self._sees(each, post.id)]:
            if clock() > deadline_s:
                return f"a tweet is not in the timelines of {', '.join(blind)}"
            await asyncio.sleep(_PROBE_EVERY_S / 2)
        return None

    async def _sees(self, follower: Client, tweet: int) -> bool:
        return tweet in [id_ for id_, _, _ in (await self._load.home(follower)).shown]


class Chaos:
    """A system, people on it, and what they did so far."""

    def __init__(self, stage: Stage, seed: int, *, clients: int = _CLIENTS) -> None:
        self._stage = stage
        self._seed = seed
        self._number = clients
        self._history = History()
        self._clients: list[Client] = []
        self._probe: list[Client] = []

    async def fault(self, name: str) -> Row:
        """Break something under load, wait until all works and Redis is not suspect, and compare everything."""
        async with connected(self._stage.url, at_once=_AT_ONCE, patience_s=0.0, timeout_s=_TIMEOUT_S) as api:
            load = await self._people(api, name)
            probe = Probe(load, self._probe[0], self._probe[1:])
            before = len(self._history.calls)
            async with load:
                await load.last(_BEFORE_S)
                async with {**FAULTS, **NODE_FAULTS, **REDIS_FAULTS}[name](self._stage):
                    recovered_s, broken = await self._until(probe.fails, self._stage.unready)
                await load.last(_AFTER_S)
                _, suspect = await self._until(self._stage.suspects_redis)  # so that what was pushed is what is read
                await load.last(0)
            verdict = await Checker((*self._clients, *self._probe), self._history).check(before)
        verdict.violations.extend(filter(None, (broken, suspect)))
        counted = outcomes(self._history, before)
        refused, unknown = counted[Outcome.REFUSED], counted[Outcome.UNKNOWN]
        return Row(name, recovered_s, counted.total(), refused, unknown, verdict)

    async def _people(self, api: ApiClient, name: str) -> Load:
        """Everybody with a token that lasts, and what they do next. Half of the clients first follow all others."""
        first = not self._clients
        if first:
            self._clients = await sign_up(api, "chaos", self._number)
            self._probe = await sign_up(api, "probe", 1 + _FOLLOWERS)
        else:
            for client in (*self._clients, *self._probe):
                client.api = api
                await api.renew(client.account)
        load = Load(self._clients, self._history, f"{self._seed} {name}")
        if first:
            for client in self._clients[::2]:
                client.faithful = True
                await _followed(load, client, self._clients)
            for follower in self._probe[1:]:
                await _followed(load, follower, self._probe[:1])
        return load

    async def _until(self, *checks: Check) -> tuple[float | None, str]:
        """After how many seconds nothing was wrong; None if that took too long, and what was wrong last."""
        clock = asyncio.get_running_loop().time
        begun_s, wrong = clock(), ""
        while clock() - begun_s < _RECOVERY_MAX_S:
            wrong = ", ".join([found for check in checks if (found := await check()) is not None])
            if not wrong:
                return clock() - begun_s, wrong
            await asyncio.sleep(_PROBE_EVERY_S)
        return None, f"after {_RECOVERY_MAX_S:.0f} s {wrong}"


async def _followed(load: Load, client: Client, others: Sequence[Client]) -> None:
    """Follow some, and look once, so that there is a timeline to push to."""
    calls = [await load.relate(client, "follow", other.id) for other in others if other is not client]
    calls.append(await load.home(client))
    assert all(call.outcome is Outcome.ACKNOWLEDGED for call in calls), [call.problem for call in calls]


async def faults_one_by_one(stage: Stage, names: Sequence[str], seed: int, say: Callable[[str], None]) -> list[Row]:
    """Each of some faults, in this order."""
    chaos = Chaos(stage, seed)
    rows = []
    for name in names:
        say(f"{name} …")
        rows.append(await chaos.fault(name))
        say(describe(rows[-1]))
    return rows


def describe(row: Row) -> str:
    """What one fault did, and the first violations."""
    recovered = "did not recover" if row.recovered_s is None else f"recovered in {row.recovered_s:.1f} s"
    violations = row.verdict.violations
    return "\n  ".join(
        (
            f"{row.fault}: {recovered}, {row.calls} calls ({row.refused} refused, {row.unknown} unknown), "
            f"{row.verdict.compared} compared, {len(violations)} violations",
            *violations[:_SHOWN_MAX],
        )
    )
