"""Trends over HTTP."""

from datetime import datetime

import httpx
import pytest

from tests.support.waiting import eventually

TRENDS, HISTORY = "/api/v1/trends", "/api/v1/trends/%23rain/history"


@pytest.mark.parametrize("path", [TRENDS, f"{TRENDS}?location=Paris&limit=50", HISTORY])
@pytest.mark.parametrize("window", ["5m", "60m", "24h"])
async def test_every_window_is_answered_with_the_time_of_which_it_speaks(
    api: httpx.AsyncClient, path: str, window: str
) -> None:
    async def answer() -> httpx.Response:
        return await api.get(httpx.URL(path).copy_add_param("window", window))

    seen = await eventually(answer, lambda response: response.status_code == 200, within_s=120)
    assert datetime.fromisoformat(seen.json()["as_of"]).tzinfo is not None


async def test_the_description_has_both_routes_with_everything_that_can_come_back(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    top, history = paths[TRENDS]["get"], paths[f"{TRENDS}/{{tag}}/history"]["get"]
    from_haproxy = {"408", "413", "414", "429", "431", "502", "503", "504"}
    assert top["responses"].keys() == {"200", "400", "401", "404", "422", "500"} | from_haproxy
    assert history["responses"].keys() == {"200", "400", "401", "422", "500"} | from_haproxy
    assert {parameter["name"] for parameter in top["parameters"]} == {"window", "limit", "location"}
