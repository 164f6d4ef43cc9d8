"""Trends over HTTP."""

import httpx
import pytest

TRENDS, HISTORY = "/api/v1/trends", "/api/v1/trends/%23rain/history"


@pytest.mark.parametrize("path", [TRENDS, f"{TRENDS}?location=Paris&limit=50", HISTORY])
@pytest.mark.parametrize("window", ["5m", "60m", "24h"])
async def test_before_anything_is_counted_one_is_told_to_come_back(
    api: httpx.AsyncClient, path: str, window: str
) -> None:
    answer = await api.get(httpx.URL(path).copy_add_param("window", window))
    assert (answer.status_code, answer.json()["code"]) == (503, "trends_not_ready")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_the_description_has_both_routes_with_everything_that_can_come_back(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/openapi.json")).json()["paths"]
    top, history = paths[TRENDS]["get"], paths[f"{TRENDS}/{{tag}}/history"]["get"]
    assert top["responses"].keys() == {"200", "401", "404", "413", "422", "429", "500", "503"}
    assert history["responses"].keys() == {"200", "401", "413", "422", "429", "500", "503"}
    assert {parameter["name"] for parameter in top["parameters"]} == {"window", "limit", "location"}
