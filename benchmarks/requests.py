"""The price of a request: five workloads on Murmur, a naive server and, if asked for, the Murmur of another checkout.

All of them are up and one is under load at a time; the order is reversed every other round. In closed loop a connection
sends its next request when the last one is answered. The percentiles are those of half the best rate, at which requests
are sent whatever comes back. All that was acknowledged is looked for afterwards, and every reader's page compared.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path

import uvloop

from benchmarks import arrival, constant, http_load, open_load, requests_report, sides, workloads
from benchmarks.effort import CONNECTIONS, Effort
from benchmarks.http_load import Load
from benchmarks.population import Population, founded
from benchmarks.requests_report import CONSTANT, FEW, NAIVE, Measured
from benchmarks.results import Row
from benchmarks.sides import OURS, Side
from benchmarks.system import endpoints_of
from cluster.settings import load_settings

_LOAD_S, _WARM_UP_S = 3.0, 1.0
"""Of each load: there are many, and in a shorter one few readers would come back to a page that changed."""
_BURST_EACH = 10
"""Posts of each author that come as fast as they are taken."""


def measure(effort: Effort, against: Path | None, say: Callable[[str], object]) -> list[Row]:
    """The rows of the requests."""
    with ExitStack() as stack:
        ours = stack.enter_context(sides.whole(OURS))
        others = [stack.enter_context(sides.small(NAIVE, "benchmarks.naive_app", "{port}", "{folder}/naive.db"))]
        if against is not None:
            others.insert(0, stack.enter_context(sides.whole(sides.revision(against), against)))
        constant.deploy(endpoints_of(ours.folder), load_settings().serve_replicas)
        return uvloop.run(_measure([ours, *others], effort, say))


async def _measure(servers: Sequence[Side], effort: Effort, say: Callable[[str], object]) -> list[Row]:
    effort = replace(effort, load_s=_LOAD_S, warm_up_s=_WARM_UP_S)
    measured = {side.name: Measured() for side in servers}
    same = measured[CONSTANT] = Measured(idle="")
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(founded(side)) for side in servers]
        page_bytes = await people[0].page_bytes()
        answer = [http_load.request("GET", f"{constant.PREFIX}/{page_bytes}")]
        for number in range(effort.request_rounds):
            turn = people if number % 2 == 0 else people[::-1]
            say(f"Round {number + 1} of {effort.request_rounds}: {', '.join(each.side.name for each in turn)}.")
            for each in turn:
                await each.renew()
                await _arrivals(each, measured[each.side.name], effort)
            for workload in workloads.ALL:
                for each in turn:
                    await _load(each, workload, measured[each.side.name], effort)
                if workload == workloads.PAGES:
                    await _loops(servers[0], workload, answer, same, effort)
        say("Comparing what is there with what was answered.")
        for each in people:
            await each.compare()
    return requests_report.rows(measured, page_bytes)


async def _arrivals(people: Population, measured: Measured, effort: Effort) -> None:
    for found, (posts, pages), repeats in (
        (measured.posts, workloads.star_post(people), effort.star_posts),
        (measured.bursts, workloads.burst(people, _BURST_EACH), 1),
    ):
        arrivals = await asyncio.to_thread(
            arrival.drive, people.side.url, posts, pages, connections=FEW, repeats=repeats
        )
        found += arrivals
        people.posted.update(int(id_) for each in arrivals for id_ in each.created)


async def _load(people: Population, workload: str, measured: Measured, effort: Effort) -> None:
    """All loops of a workload; afterwards everybody follows as before, and what was posted is known."""
    requests = workloads.of(people)[workload]
    for created, unknown in await _loops(people.side, workload, requests, measured, effort):
        people.posted.update(map(int, created))
        people.unknown += unknown
    if workload == workloads.MIX:
        await people.follow(workloads.unfollowed(people))


async def _loops(
    side: Side, workload: str, requests: Sequence[str], measured: Measured, effort: Effort
) -> list[tuple[list[str], int]]:
    """Drive closed and open loops; the ids that came of each, and how many requests may have had an effect besides."""
    closed: Mapping[int, list[Load]] = {FEW: measured.few[workload], CONNECTIONS: measured.many[workload]}
    for connections, loads in closed.items():
        load = await asyncio.to_thread(http_load.drive, side.url, list(requests), effort, connections, side.pid)
        loads.append(load)
    best = max(loads[-1].per_s for loads in closed.values())
    offered = await asyncio.to_thread(
        open_load.drive,
        side.url,
        list(requests),
        per_s=best / 2,
        connections=CONNECTIONS,
        warm_up_s=effort.warm_up_s,
        load_s=effort.load_s,
    )
    assert offered.strange == {}, f"{offered.statuses}: {offered.problem}"
    measured.half[workload].append(offered)
    found = [([id_ for _, id_ in loads[-1].created], loads[-1].refused) for loads in closed.values()]
    return [*found, (offered.created, offered.unknown)]
