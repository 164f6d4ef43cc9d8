"""Sinks hold what they held before, whatever comes again after an abort."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
import pyarrow.parquet as pq
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import FixedPartitionedSource, Source, StatefulSourcePartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSource, run_main
from typing_extensions import override

from dataflows.execution import execute
from dataflows.sinks import rows as sink_rows
from dataflows.sinks.rows import OutputLost, Row, RowSink, file_sink, output


def rows_in(path: Path) -> list[dict[str, Any]]:
    if path.is_dir():
        return [row for file in sorted(path.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


class Numbers(FixedPartitionedSource[int, int]):
    """Counts up to an end, and dies once at each of some numbers."""

    def __init__(self, end: int, deaths: set[int]) -> None:
        self.end = end
        self.deaths = deaths

    @override
    def list_parts(self) -> list[str]:
        return ["all"]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_Counting":
        return _Counting(self, resume_state or 0)


class _Counting(StatefulSourcePartition[int, int]):
    def __init__(self, source: Numbers, at: int) -> None:
        self._source = source
        self._at = at

    @override
    def next_batch(self) -> list[int]:
        if self._at == self._source.end:
            raise StopIteration
        if self._at in self._source.deaths:
            self._source.deaths.remove(self._at)
            raise RuntimeError("died here")
        self._at += 1
        return [self._at - 1]

    @override
    def snapshot(self) -> int:
        return self._at


def flow_of(numbers: Source[int], sink: RowSink) -> Dataflow:
    flow = Dataflow("numbers")
    keyed = op.key_on("key", op.input("numbers", flow, numbers), str)
    output("out", op.map_value("row", keyed, lambda n: Row(f"n{n}", {"n": n, "squared": n * n})), sink)
    return flow


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_file_holds_every_row_once_after_aborts(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").mkdir()
    init_db_dir(tmp_path / "kept", 1)
    numbers = Numbers(20, deaths={3, 4, 11, 19})
    lives = 0
    while numbers.deaths or not lives:
        lives += 1
        flow = flow_of(numbers, file_sink(tmp_path / name))
        with suppress(RuntimeError):
            run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(tmp_path / "kept"))
    run_main(flow_of(numbers, file_sink(tmp_path / name)), recovery_config=RecoveryConfig(tmp_path / "kept"))
    assert rows_in(tmp_path / name) == [{"key": f"n{n}", "n": n, "squared": n * n} for n in range(20)]


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_run_without_snapshots_begins_its_file_anew(tmp_path: Path, name: str) -> None:
    for numbers in ([1, 2, 3], [4]):
        run_main(flow_of(TestingSource(numbers), file_sink(tmp_path / name)))
    assert [row["n"] for row in rows_in(tmp_path / name)] == [4]


def test_a_parquet_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_rows, "FILE_ROWS_MAX", 3)
    run_main(flow_of(TestingSource(range(7)), file_sink(tmp_path / "rows.parquet")))
    sizes = [pq.read_table(file).num_rows for file in sorted((tmp_path / "rows.parquet").glob("*.parquet"))]
    assert sizes == [3, 3, 1]


def lose(path: Path) -> None:
    if path.is_dir():
        min(path.iterdir()).unlink()
    else:
        path.write_bytes(b"")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.parquet"])
def test_a_file_that_lost_what_was_written_is_not_gone_on_with(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").mkdir()
    init_db_dir(tmp_path / "kept", 1)
    numbers = Numbers(9, deaths={5})
    for lost in (False, True):
        flow = flow_of(numbers, file_sink(tmp_path / name))
        with pytest.raises(RuntimeError if not lost else OutputLost):
            execute(flow, epoch=timedelta(0), recovery=RecoveryConfig(tmp_path / "kept"))
        lose(tmp_path / name)


def test_rows_with_other_columns_go_into_one_parquet_file(tmp_path: Path) -> None:
    flow = Dataflow("mixed")
    rows = [("a", Row("a", {"n": 1})), ("b", Row("b", {"word": "two"}))]
    output("out", op.input("rows", flow, TestingSource(rows)), file_sink(tmp_path / "rows.parquet"))
    run_main(flow)
    assert rows_in(tmp_path / "rows.parquet") == [
        {"key": "a", "n": 1, "word": None},
        {"key": "b", "n": None, "word": "two"},
    ]


def test_another_form_of_file_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\.jsonl or \.parquet"):
        file_sink(Path("rows.csv"))
