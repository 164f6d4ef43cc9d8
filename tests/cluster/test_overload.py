"""Far more requests than the machine takes: what is not answered is refused, and nothing is left of it afterwards."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from benchmarks import http_load, open_load
from benchmarks.open_load import Offered
from benchmarks.processes import REPLICAS, proportional_mib
from tests.support.api_user import sign_up
from tests.support.system import RunningSystem, running_system
from tests.support.waiting import eventually

_PER_S = 3_000.0
"""Two replicas take less than half as many on any machine; a client that is late sends what is due all at once."""
_CONNECTIONS = 800
_LOAD_S = 5.0
_IN_LINE = 32
"""Requests that HAProxy keeps waiting for each of two replicas; each of its threads looks before it adds."""
_GROWTH_MIB_MAX = 64


@pytest.fixture
def flooded() -> Iterator[RunningSystem]:
    """A system of its own: what was accepted is still delivered after the flood, and others would wait for it."""
    with running_system() as system:
        yield system


@pytest.fixture
async def api(flooded: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=flooded.endpoints.http_url, timeout=30) as client:
        yield client


async def test_what_the_machine_does_not_take_is_refused_and_nothing_else_is_lost(
    flooded: RunningSystem, api: httpx.AsyncClient
) -> None:
    reader, *authors = await sign_up(api, 6)
    for author in authors:
        await reader.follow(author)
    await reader.home()
    requests = [http_load.request("GET", "/api/v1/timeline/home", _token(reader.headers))]
    for author in authors:
        body = b'{"text": "Everybody talks at once."}'
        requests.append(http_load.request("POST", "/api/v1/tweets", _token(author.headers), body))

    async def flood() -> Offered:
        return await asyncio.to_thread(
            open_load.drive,
            flooded.endpoints.http_url,
            requests,
            per_s=_PER_S,
            connections=_CONNECTIONS,
            warm_up_s=0.0,
            load_s=_LOAD_S,
        )

    def replicas_mib() -> int:
        return proportional_mib(flooded.process.pid)[REPLICAS]

    floods, held_mib = [], []
    for _ in range(2):
        flooding = asyncio.create_task(flood())
        while not flooding.done():
            assert (await api.get("/healthz")).status_code == 200, "who asks whether we are alive is not refused"
        floods.append(await flooding)
        await reader.home()  # the next request is served
        held_mib.append(replicas_mib())
    for offered in floods:
        assert offered.strange == {}, offered.problem
        assert offered.bare == 0, offered.problem
        assert {"200", "201", "503"} <= offered.statuses.keys()
    assert held_mib[1] - held_mib[0] < _GROWTH_MIB_MAX, "what was refused is not kept"
    waiting = [await _longest_line(api, url) for url in flooded.endpoints.metrics_urls]
    assert 0 < max(waiting) < 2 * 2 * _IN_LINE

    created = {id_ for offered in floods for id_ in offered.created}
    home = await eventually(reader.home, lambda shown: created <= set(shown), within_s=60)
    assert len(home) == len(set(home))
    assert len(home) - len(created) <= sum(offered.unknown for offered in floods), "a refusal is no acceptance"


def _token(headers: dict[str, str]) -> str:
    return headers["Authorization"].removeprefix("Bearer ")


async def _longest_line(api: httpx.AsyncClient, metrics_url: str) -> int:
    """The most requests that ever waited in HAProxy; 0 if these are not HAProxy's metrics."""
    lines = re.findall(r"^haproxy_backend_max_queue\{.*\} (\d+)$", (await api.get(metrics_url)).text, re.MULTILINE)
    return max(map(int, lines), default=0)
