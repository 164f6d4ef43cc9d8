"""One fault after another under load on one system, each followed by a comparison of everything."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from tests.chaos.breaking import FAULTS
from tests.chaos.checker import Checker, Verdict, outcomes
from tests.chaos.history import History, Outcome
from tests.chaos.load import Client, Load, api_of, log_in, sign_up
from tests.chaos.stage import Stage

_CLIENTS = 12
_FOLLOWERS = 6
"""Of whoever tries whether it works again; together they are in many ranges."""
_BEFORE_S = 3.0
_AFTER_S = 3.0
_RECOVERY_MAX_S = 60.0
_PROBE_EVERY_S = 0.1
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
    """An author and followers by whom it is seen whether everything works."""

    def __init__(self, api: httpx.AsyncClient, author: Client, followers: Sequence[Client]) -> None:
        self._api = api
        self._author = author
        self._followers = followers
        self._number = 0

    async def begin(self) -> None:
        """Follow, and look once, so that there are timelines to push to."""
        for follower in self._followers:
            answer = await self._api.post(f"/api/v1/users/{self._author.id}/follow", headers=_of(follower))
            assert answer.status_code == 200, answer.text
        assert await self.works()

    async def works(self) -> bool:
        """Whether a tweet that is published now is answered, and in all timelines soon."""
        self._number += 1
        body = {"text": f"probe {self._number}"}
        try:
            answer = await self._api.post("/api/v1/tweets", json=body, headers=_of(self._author))
            if answer.status_code != 201:
                return False
            tweet = answer.json()["id"]
            clock = asyncio.get_running_loop().time
            deadline_s = clock() + 1.0
            while not all([await self._sees(follower, tweet) for follower in self._followers]):
                if clock() > deadline_s:
                    return False
                await asyncio.sleep(_PROBE_EVERY_S / 2)
        except httpx.TransportError:
            return False
        return True

    async def _sees(self, follower: Client, tweet: str) -> bool:
        answer = await self._api.get("/api/v1/timeline/home", headers=_of(follower), params={"limit": "5"})
        return answer.status_code == 200 and tweet in [shown["id"] for shown in answer.json()["tweets"]]


class Chaos:
    """A system, people on it, and what they did so far."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self._history = History()
        self._clients: list[Client] = []

    async def fault(self, name: str) -> Row:
        """Break something under load, wait until all works, and compare everything."""
        clock = asyncio.get_running_loop().time
        async with api_of(self._stage.url) as api:
            await self._people(api)
            probe = Probe(api, self._probe[0], self._probe[1:])
            before = len(self._history.calls)
            async with self._load as load:
                await load.last(_BEFORE_S)
                async with FAULTS[name](self._stage):
                    begun_s = clock()
                    recovered = await self._recovered(probe, begun_s + _RECOVERY_MAX_S)
                    recovered_s = clock() - begun_s if recovered else None
                await load.last(_AFTER_S)
            verdict = await Checker(api, self._clients, self._history).check(before)
        counted = outcomes(self._history, before)
        refused, unknown = counted[Outcome.REFUSED], counted[Outcome.UNKNOWN]
        return Row(name, recovered_s, counted.total(), refused, unknown, verdict)

    async def _people(self, api: httpx.AsyncClient) -> None:
        if not self._clients:
            self._clients = await sign_up(api, "chaos", _CLIENTS)
            self._probe = await sign_up(api, "probe", 1 + _FOLLOWERS)
            await Probe(api, self._probe[0], self._probe[1:]).begin()
            self._load = Load(self._stage.url, self._clients, self._history, self._seed)
        else:
            for client in (*self._clients, *self._probe):
                await log_in(api, client)

    async def _recovered(self, probe: Probe, until_s: float) -> bool:
        clock = asyncio.get_running_loop().time
        while clock() < until_s:
            if await probe.works() and await self._stage.ready():
                return True
            await asyncio.sleep(_PROBE_EVERY_S)
        return False


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


def _of(client: Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {client.token}"}
