"""What surrounds the product: documentation, readiness, metrics."""

import base64
import hashlib
import re
from typing import get_args

import httpx
import pytest

from serve.operations.readiness import Word
from tests.support.api_user import sign_up
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

PUBLIC = "/api/v1/timeline/public"


async def test_the_documentation_opens_without_anything_from_elsewhere(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sources
    assert all(source.startswith("/") for source in sources), sources
    for source in sources:
        assert (await api.get(source)).status_code == 200


async def test_the_documentation_runs_nothing_but_what_it_is_made_of(api: httpx.AsyncClient) -> None:
    page = await api.get("/docs")
    policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"].split()[0]) == ("'none'", "'self'")
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in inline]
    assert policy["script-src"].split()[1:] == [f"'sha256-{one}'" for one in hashes]
    assert re.findall(r"<style|\son\w+=|\sstyle=|javascript:", page.text) == []
    assert "unsafe" not in policy["script-src"] + policy["style-src"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/docs", "/openapi.json", "/.well-known/jwks.json", PUBLIC])
async def test_head_says_what_get_says_but_for_the_body(api: httpx.AsyncClient, path: str) -> None:
    head, get = await api.head(path), await api.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers.keys() == get.headers.keys()


@pytest.mark.parametrize("path", ["/healthz", "/docs", "/nowhere", PUBLIC, "/api/v1/auth/login"])
async def test_no_answer_may_be_taken_for_something_else(api: httpx.AsyncClient, path: str) -> None:
    headers = (await api.get(path)).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Security-Policy" in headers
    assert "Server" not in headers
    assert headers["Cache-Control"] == ("no-store" if "/auth/" in path else "private, no-cache")
    assert "Origin" in headers["Vary"]


async def test_a_page_from_elsewhere_may_ask_and_read(api: httpx.AsyncClient) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    preflight = await api.options("/api/v1/tweets", headers=asked)
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Idempotency-Key"} <= set(preflight.headers["Access-Control-Allow-Headers"].split(", "))
    refused = await api.post("/api/v1/tweets", json={}, headers=asked)
    for answer in (preflight, refused, await api.get("/nowhere"), await api.post("/healthz", content=b"." * 70_000)):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    exposed = set(refused.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"Link", "X-Request-ID", "Retry-After", "X-RateLimit-Remaining"} <= exposed


async def test_strangers_are_told_a_word_of_each_dependency(api: httpx.AsyncClient) -> None:
    checks = (await api.get("/readyz")).json()["checks"]
    assert {check["detail"] for check in checks.values()} <= set(get_args(Word))


async def test_the_description_names_every_route_of_the_stage(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    for path in ("/auth/register", "/tweets", "/timeline/home", "/timeline/public", "/users/me"):
        assert f"/api/v1{path}" in paths


async def test_every_dependency_is_named(api: httpx.AsyncClient) -> None:
    async def answer() -> httpx.Response:
        return await api.get("/readyz")

    ready = await eventually(answer, lambda seen: seen.status_code == 200, within_s=60)
    expected = {"cassandra", "redis", "fanout-0", "fanout-1", "counters-0", "reconciler", "supervisor"}
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
            "ray_murmur_safeguards_total",
            'murmur_log_lag_seconds{consumer="fanout",partition="0"}',
            "murmur_ranges_without_owner 0.0",
            "murmur_dead_letters_kept",
            "haproxy_",
        )
        return all(name in text for name in names)

    await eventually(scraped, complete, within_s=60)
