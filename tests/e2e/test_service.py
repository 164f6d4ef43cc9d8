"""What surrounds the product: documentation, readiness, metrics."""

import re

import httpx

from tests.support.people import sign_up
from tests.support.system import RunningSystem
from tests.support.waiting import eventually


async def test_the_documentation_opens_without_anything_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    assert all(source.startswith("/") for source in sources), sources
    for source in sources:
        assert (await api.get(source)).status_code == 200


async def test_the_description_names_every_route_of_the_stage(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    for path in ("/auth/register", "/tweets", "/timeline/home", "/timeline/public", "/users/me"):
        assert f"/api/v1{path}" in paths


async def test_every_dependency_is_named(api: httpx.AsyncClient) -> None:
    async def answer() -> httpx.Response:
        return await api.get("/readyz")

    ready = await eventually(answer, lambda seen: seen.status_code == 200, within_s=60)
    expected = {"cassandra", "redis", "fanout-0", "fanout-1", "counters", "reconciler", "supervisor"}
    assert ready.json()["checks"].keys() == expected


async def test_what_happens_is_counted_and_can_be_scraped(system: RunningSystem, api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    await bob.follow(alice)
    await bob.home()
    await alice.post("counted")

    async def scraped() -> str:
        return "".join([(await api.get(url)).text for url in system.endpoints.metrics_urls])

    def complete(text: str) -> bool:
        names = (
            "ray_murmur_requests_total",
            "ray_murmur_request_seconds_bucket",
            "ray_murmur_events_appended_total",
            "ray_murmur_events_handled_total",
            "ray_murmur_fanout_deliveries_total",
            "ray_murmur_fanout_seconds_bucket",
            "ray_murmur_timeline_entries_bucket",
            "ray_murmur_cache_total",
            "ray_murmur_edges_total",
            'murmur_log_lag_seconds{partition="0",reader="fanout"}',
            "murmur_ranges_without_owner 0.0",
            "murmur_dead_letters_kept",
            "haproxy_",
        )
        return all(name in text for name in names)

    await eventually(scraped, complete, within_s=60)
