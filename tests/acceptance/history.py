"""Comparison of the trends that the history command computes with those that the API answered."""

import tempfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import orjson

from cluster.client.api import ApiClient, Json
from domain.trends.windows import WINDOWS
from tests.acceptance.own_system import OwnSystem
from tests.acceptance.verifier import Comparison
from tests.support.api_user import trends

_SAME = ("tag", "count", "unique_authors", "velocity", "is_new", "score")


async def compare_history(api: ApiClient, own: OwnSystem, places: Iterable[str]) -> Comparison:
    """Ask for every window, everywhere and at some places, and let the command compute that moment again."""
    asked = [(window, place) for window in WINDOWS for place in (None, *places)]
    found = [await _difference(api, own, window, place) for window, place in asked]
    return Comparison("trends over history", len(asked), tuple(words for words in found if words is not None), 0)


async def _difference(api: ApiClient, own: OwnSystem, window: str, place: str | None) -> str | None:
    answer = await trends(api, window, place)
    as_of = str(answer["as_of"])
    with tempfile.TemporaryDirectory(prefix="murmur-history-") as folder:
        out = Path(folder) / "trends.jsonl"
        what = ("--window", window, *(() if place is None else ("--location", place)), "--out", str(out))
        await own.run("cluster", "dataflows", "trends", "--from", as_of, "--to", as_of, *what)
        rows = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    said, computed = [_known(trend) for trend in answer["trends"]], [_known(_as_answered(row)) for row in rows]
    return None if said == computed else f"{window} at {place} as of {as_of}: {computed} instead of {said}"


def _as_answered(row: Json) -> Json:
    """A row of the command with what the API says instead of `previous`."""
    previous = row["previous"]
    return {**row, "velocity": row["count"] / previous if previous else None, "is_new": not previous}


def _known(trend: Json) -> tuple[object, ...]:
    since = datetime.fromisoformat(str(trend["since"]))
    return *(trend[name] for name in _SAME), since, [str(id_) for id_ in trend["tweets"]]
