"""Rankings as rows of a file: JSON lines or Parquet. A file appears under its name when it is whole."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dataflows.trends import Ranking
from domain.ids import time_ms
from domain.trends import Trend

_SCHEMA = pa.schema(
    [
        ("as_of", pa.timestamp("ms", "UTC")),
        ("window", pa.string()),
        ("location", pa.string()),
        ("rank", pa.int32()),
        ("tag", pa.string()),
        ("folded", pa.string()),
        ("count", pa.int64()),
        ("unique_authors", pa.int64()),
        ("previous", pa.int64()),
        ("score", pa.float64()),
        ("since", pa.timestamp("ms", "UTC")),
        ("tweets", pa.list_(pa.int64())),
    ]
)
"""The columns of both forms. `location` is null for everywhere; times are UTC, in JSON as RFC 3339.

`tag` is the spelling that is used most, which may change; `folded` names the same tag at all times.
"""


class Rows(Protocol):
    """Where rows go."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows."""
        ...


def rows_of(ranking: Ranking, place: str) -> list[dict[str, Any]]:
    """The rows of one place in a ranking, best first; none if nothing trends there."""
    return [_row(ranking, place, rank, trend) for rank, trend in enumerate(ranking.places.get(place, ()), 1)]


@contextmanager
def open_rows(path: Path) -> Iterator[Rows]:
    """A file of rows, by the end of its name: `.parquet`, else JSON lines."""
    part = path.with_name(f"{path.name}.part")
    if path.suffix == ".parquet":
        with pq.ParquetWriter(part, _SCHEMA) as writer:
            yield _Parquet(writer)
    else:
        with part.open("wb") as file:
            yield _JsonLines(file)
    part.rename(path)


class _Parquet:
    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        if rows:
            self._writer.write_table(pa.Table.from_pylist(list(rows), _SCHEMA))


class _JsonLines:
    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def _row(ranking: Ranking, place: str, rank: int, trend: Trend) -> dict[str, Any]:
    return {
        "as_of": time_of(ranking.as_of_ms),
        "window": ranking.window,
        "location": place or None,
        "rank": rank,
        "tag": trend.tag,
        "folded": trend.folded,
        "count": trend.count,
        "unique_authors": trend.unique_authors,
        "previous": trend.previous,
        "score": trend.score,
        "since": time_of(time_ms(trend.since)),
        "tweets": list(trend.tweets),
    }


def time_of(wall_ms: int) -> datetime:
    """A wall time as it is written."""
    return datetime.fromtimestamp(wall_ms // 1000, UTC).replace(microsecond=wall_ms % 1000 * 1000)
