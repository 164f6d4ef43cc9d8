"""Files of rankings: the same rows in both formats, whole or not there."""

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from dataflows.sinks.ranking_files import open_rows, rows_of, time_of
from domain.ids import first_id_at
from domain.trends.tag_counts import GLOBAL, Ranking, Trend

AS_OF_MS = 1_800_000_000_123
RAIN = Trend(
    tag="Rain",
    normalized_tag="rain",
    count=3,
    unique_authors=2,
    previous=1,
    score=0.5,
    since=first_id_at(AS_OF_MS - 1),
    tweets=(9, 8),
)
RANKING = Ranking("5m", AS_OF_MS, {GLOBAL: [RAIN], "fr": [RAIN, RAIN]})
FIRST = {
    "as_of": time_of(AS_OF_MS),
    "window": "5m",
    "location": None,
    "rank": 1,
    "tag": "Rain",
    "normalized_tag": "rain",
    "count": 3,
    "unique_authors": 2,
    "previous": 1,
    "score": 0.5,
    "since": time_of(AS_OF_MS - 1),
    "tweets": [9, 8],
}


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("name", ["rankings.jsonl", "rankings.parquet"])
def test_a_file_has_a_row_for_each_trend_in_order(tmp_path: Path, name: str) -> None:
    with open_rows(tmp_path / name) as write:
        for place in (GLOBAL, "de", "fr"):
            write(rows_of(RANKING, place))
        assert not (tmp_path / name).exists(), "it appears when it is whole"
    rows = [FIRST, {**FIRST, "location": "fr"}, {**FIRST, "location": "fr", "rank": 2}]
    assert read(tmp_path / name) == (rows if name.endswith(".parquet") else orjson.loads(orjson.dumps(rows)))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_without_any_trend_a_table_has_its_columns_nevertheless(tmp_path: Path) -> None:
    with open_rows(tmp_path / "rankings.parquet") as write:
        write(rows_of(RANKING, "de"))
    table = pq.read_table(tmp_path / "rankings.parquet")
    assert (table.num_rows, table.column_names) == (0, list(FIRST))
