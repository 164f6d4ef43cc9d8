"""Rankings as rows of a file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec.structs import asdict

from dataflows.sinks.formats import Columns, parquet_file, table_of, whole_file, write_json_lines
from domain.ids import time_ms
from domain.trends.tag_counts import Ranking

_SCHEMA = pa.schema(
    [
        ("as_of", pa.timestamp("ms", "UTC")),
        ("window", pa.string()),
        ("location", pa.string()),
        ("rank", pa.int32()),
        ("tag", pa.string()),
        ("normalized_tag", pa.string()),
        ("count", pa.int64()),
        ("unique_authors", pa.int64()),
        ("previous", pa.int64()),
        ("score", pa.float64()),
        ("since", pa.timestamp("ms", "UTC")),
        ("tweets", pa.list_(pa.int64())),
    ]
)
"""The columns of both formats. `location` is null for everywhere; times are UTC, in JSON as RFC 3339.

`tag` is the spelling that is used most, which may change; `normalized_tag` names the same tag at all times.
"""


def rows_of(ranking: Ranking, place: str) -> list[dict[str, Any]]:
    """The rows of one place in a ranking, best first; none if nothing trends there."""
    whole = {"as_of": time_of(ranking.as_of_ms), "window": ranking.window, "location": place or None}
    return [
        {**whole, "rank": rank, **asdict(trend), "since": time_of(time_ms(trend.since))}
        for rank, trend in enumerate(ranking.places.get(place, ()), 1)
    ]


@contextmanager
def open_rows(path: Path) -> Iterator[Callable[[Sequence[Columns]], None]]:
    """A file that rows are written to, by the end of its name: `.parquet`, else JSON lines."""
    if path.suffix == ".parquet":
        with parquet_file(path, _SCHEMA) as write:
            yield lambda rows: write(table_of(rows, _SCHEMA))
    else:
        with whole_file(path) as file:
            yield partial(write_json_lines, file)


def time_of(wall_ms: int) -> datetime:
    """A wall time as it is written."""
    return datetime.fromtimestamp(wall_ms // 1000, UTC).replace(microsecond=wall_ms % 1000 * 1000)
