"""Home timeline: the warm first page through Serve, against a constant of the same size through the same Serve."""

import asyncio
from collections.abc import Sequence

from benchmarks import constant, http_load
from benchmarks.bench import Bench
from benchmarks.effort import CONNECTIONS, PAGE_TWEETS, ROUNDS
from benchmarks.http_load import Load
from benchmarks.results import Row, rounded
from benchmarks.world import World
from cluster.client.api import PREFIX, Account, connected
from tests.support.api_user import HOME

_FEW = 16
"""Connections of a load that leaves the service some air."""
_PATH = f"{PREFIX}{HOME}?limit={PAGE_TWEETS}"


class HomeLoads:
    """Rounds of subject and yardstick on one world."""

    def __init__(self) -> None:
        self.pages: list[Load] = []
        self.constants: list[Load] = []
        self.page_bytes = 0

    @property
    def rates(self) -> list[float]:
        """Pages per second, round by round."""
        return [load.per_s for load in self.pages]

    @property
    def ratios(self) -> list[float]:
        return [page.per_s / same.per_s for page, same in zip(self.pages, self.constants, strict=True)]


async def measure(bench: Bench) -> list[Row]:
    """The row of the home timeline, and the one for information."""
    world = await bench.world(1)
    loads = await rounds(bench, world)
    few = await asyncio.to_thread(http_load.drive, bench.endpoints.http_url, requests(bench, world), bench.effort, _FEW)
    with constant.plain_uvicorn() as uvicorn:
        same = [http_load.request("GET", f"{constant.PREFIX}/{loads.page_bytes}")]
        plain = [await asyncio.to_thread(http_load.drive, uvicorn.url, same, bench.effort) for _ in range(ROUNDS)]
    return [
        Row(
            key="home_timeline",
            what=f"home timeline ({PAGE_TWEETS} tweets, warm), requests/s, {CONNECTIONS} connections",
            against=f"constant of {loads.page_bytes:,} bytes, same Serve",
            unit="x",
            values=loads.ratios,
            target=0.6,
            figures={
                "requests/s": rounded(loads.rates),
                "constant/s": rounded([load.per_s for load in loads.constants]),
                "p50 ms": [load.p50_ms for load in loads.pages],
                "p95 ms": [load.p95_ms for load in loads.pages],
                "p99 ms": [load.p99_ms for load in loads.pages],
                f"p50, p95, p99 ms of {_FEW} connections": [few.p50_ms, few.p95_ms, few.p99_ms],
                "constant p50 ms": [load.p50_ms for load in loads.constants],
                "refused": [load.refused for load in (*loads.pages, *loads.constants)],
                **problems(loads.pages),
            },
        ),
        Row(
            key="home_uvicorn",
            what="home timeline, for information",
            against="the same constant from one plain uvicorn",
            unit="x",
            values=[page.per_s / other.per_s for page, other in zip(loads.pages, plain, strict=True)],
            target=None,
            figures={"uvicorn/s": rounded([load.per_s for load in plain])},
        ),
    ]


async def rounds(bench: Bench, world: World, times: int = ROUNDS) -> HomeLoads:
    """Measure so often, and compare every reader's page with what it must be, before and after."""
    loads = HomeLoads()
    url = bench.endpoints.http_url
    loads.page_bytes = await compare(bench, world, world.readers)
    constants = [http_load.request("GET", f"{constant.PREFIX}/{loads.page_bytes}")]
    pages = requests(bench, world)
    for _ in range(times):
        loads.constants.append(await asyncio.to_thread(http_load.drive, url, constants, bench.effort))
        loads.pages.append(await asyncio.to_thread(http_load.drive, url, pages, bench.effort))
    for load in (*loads.constants, *loads.pages):
        assert not load.changed, f"{load.changed} answers differ from the first to the same request"
    await compare(bench, world, world.readers)
    return loads


def requests(bench: Bench, world: World) -> list[str]:
    """Each reader's first page."""
    return [http_load.request("GET", _PATH, bench.tokens.of(reader)) for reader in world.readers]


def problems(loads: Sequence[Load]) -> dict[str, object]:
    """The first refusal, if there was one."""
    said = next((load.problem for load in loads if load.refused), None)
    return {"first refusal": said} if said else {}


async def compare(bench: Bench, world: World, readers: Sequence[int]) -> int:
    """Read first pages and compare ids and texts with the world's; the mean size of a page in bytes."""
    total = 0
    async with connected(bench.endpoints.http_url, at_once=1) as api:  # patient: a busy machine will get round to it
        for reader in readers:
            account = Account(id=reader, username="", password="", token=bench.tokens.of(reader))
            answer = await api.send("page", "GET", HOME, account, params={"limit": PAGE_TWEETS})
            answer.raise_for_status()
            found = [(tweet["id"], tweet["text"]) for tweet in answer.json()["tweets"]]
            assert found == world.first_page(reader), f"the page of {reader} is not what it must be"
            total += len(answer.content)
    return total // len(readers)
