"""Rows of a dataflow, written to files or to a store.

After a crash some rows come again; each sink then holds what it held before. Files go on where the last snapshot left
them; in a store the last row of a key stands, so rows say what is, not by how much it grew.
"""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import orjson
from bytewax.dataflow import Stream
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from typing_extensions import override

from dataflows.sinks.formats import parquet_file, table_of, write_json_lines
from dataflows.store_thread import StoreThread
from domain.errors import EngineError
from storage.ports.outputs import OutputStore

FILE_ROWS_MAX = 100_000
"""Rows of one Parquet file."""
_CALL_S = 10.0
_RETRY_FOR_S = 60.0
"""Rows wait so long for a store before the dataflow gives up and goes back to its snapshot."""


class OutputLost(EngineError):
    """Rows that a dataflow had written are not there any more; it cannot go on from its snapshot."""


class Row(NamedTuple):
    """A result of a dataflow: its columns, of types that JSON has, under a key that they are replaced by."""

    key: str
    columns: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The row with its key as the first column."""
        return {"key": self.key, **self.columns}


class RowSink(FixedPartitionedSink[Row, Any]):
    """A sink that is not divided: whichever worker has it writes every row."""

    def __init__(self, begin: Callable[[Any], StatefulSinkPartition[Row, Any]]) -> None:
        """`begin` is given the state of the last snapshot, or None."""
        self._begin = begin

    @override
    def list_parts(self) -> list[str]:
        return ["rows"]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: Any) -> StatefulSinkPartition[Row, Any]:
        return self._begin(resume_state)


def output(step_id: str, rows: Stream[tuple[str, Row]], sink: RowSink) -> None:
    """Write rows, whatever they are keyed by, those of a key in their order."""
    op.output(step_id, op.map(f"{step_id}-key", rows, lambda item: (item[1].key, item[1])), sink)


def file_sink(path: Path) -> RowSink:
    """The sink for a path: `.jsonl` is a file of JSON lines, `.parquet` a folder. Raises `ValueError` for another."""
    match path.suffix:
        case ".jsonl":
            return RowSink(partial(_JsonLines, path))
        case ".parquet":
            return RowSink(partial(_ParquetFolder, path))
        case _:
            raise ValueError("name a path that ends in .jsonl or .parquet")


def store_sink(stores: StoreThread, outputs: OutputStore, flow: str) -> RowSink:
    """The sink for one of the stores: rows by dataflow and key, as JSON."""
    return RowSink(lambda _: _StoredRows(stores, outputs, flow))


class _JsonLines(StatefulSinkPartition[Row, int]):
    """One file, of whose lines with one key the last stands. State: bytes written."""

    def __init__(self, path: Path, written: int | None) -> None:
        if written and (not path.exists() or path.stat().st_size < written):
            raise OutputLost(f"{path} is shorter than when the dataflow stopped; name another file, or begin anew.")
        self._file = path.open("ab")
        self._file.truncate(written or 0)
        self._file.seek(written or 0)

    @override
    def write_batch(self, values: list[Row]) -> None:
        write_json_lines(self._file, map(Row.as_dict, values))

    @override
    def snapshot(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    @override
    def close(self) -> None:
        self._file.close()


class _ParquetFolder(StatefulSinkPartition[Row, int]):
    """Numbered files, of whose rows with one key the last stands. State: the number of the next file.

    Keeps rows until the next snapshot, which begins another file.
    """

    def __init__(self, folder: Path, next_file: int | None) -> None:
        self._folder = folder
        self._next = next_file or 0
        self._rows: list[Row] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not all(self._path(number).exists() for number in range(self._next)):
            raise OutputLost(f"Files are gone from {folder} since the dataflow stopped; name another, or begin anew.")
        for file in folder.glob("[0-9]*.parquet"):
            if int(file.stem) >= self._next:
                file.unlink()

    @override
    def write_batch(self, values: list[Row]) -> None:
        self._rows += values
        self._write_files(rows_min=FILE_ROWS_MAX)

    @override
    def snapshot(self) -> int:
        self._write_files(rows_min=1)
        return self._next

    @override
    def close(self) -> None:
        self._write_files(rows_min=1)

    def _write_files(self, *, rows_min: int) -> None:
        while len(self._rows) >= rows_min:
            table = table_of([row.as_dict() for row in self._rows[:FILE_ROWS_MAX]])
            with parquet_file(self._path(self._next), table.schema) as write:
                write(table)
            del self._rows[:FILE_ROWS_MAX]
            self._next += 1

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.parquet"


class _StoredRows(StatefulSinkPartition[Row, None]):
    """Rows in a store, which need no state."""

    def __init__(self, stores: StoreThread, outputs: OutputStore, flow: str) -> None:
        self._stores = stores
        self._outputs = outputs
        self._flow = flow

    @override
    def write_batch(self, values: list[Row]) -> None:
        rows = {row.key: orjson.dumps(row.columns) for row in values}
        self._stores.retry_until(lambda: self._outputs.put(self._flow, rows), _CALL_S, _RETRY_FOR_S)

    @override
    def snapshot(self) -> None:
        return None
