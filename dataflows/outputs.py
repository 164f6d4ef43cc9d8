"""Where the rows of a dataflow go: files, or the stores.

After a crash some rows come again; each sink then holds what it held before. Files go on where the last snapshot left
them; in a store the last row of a key stands, so rows say what is, not by how much it grew.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import bytewax.operators as op
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from bytewax.dataflow import Stream
from bytewax.outputs import FixedPartitionedSink, StatefulSinkPartition
from typing_extensions import override

from dataflows.store_thread import StoreThread
from domain.errors import EngineError
from storage.ports.outputs import OutputStore

FILE_ROWS_MAX = 100_000
"""Rows of one Parquet file."""
_CALL_S = 10.0
_PATIENCE_S = 60.0
"""How long rows wait for a store before the dataflow gives up and goes back to its snapshot."""


class OutputLost(EngineError):
    """What a dataflow had written is not there any more; it cannot go on from its snapshot."""


class Row(NamedTuple):
    """What a dataflow found out: its columns, of types that JSON has, under a key that they are replaced by."""

    key: str
    columns: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The row with its key as the first column."""
        return {"key": self.key, **self.columns}


RowSink = FixedPartitionedSink[Row, Any]
State = TypeVar("State")


class _OnePart(FixedPartitionedSink[Row, State]):
    """A sink that is not divided: whichever worker has it writes every row."""

    @override
    def list_parts(self) -> list[str]:
        return ["rows"]


def output(step_id: str, rows: Stream[tuple[str, Row]], sink: RowSink) -> None:
    """Write rows, whatever they are keyed by, those of a key in their order."""
    op.output(step_id, op.map(f"{step_id}-key", rows, lambda item: (item[1].key, item[1])), sink)


class JsonLinesSink(_OnePart[int]):
    """One file, a JSON object a line; of several lines with one key the last stands. State: bytes written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_JsonLines":
        return _JsonLines(self._path, resume_state or 0)


class _JsonLines(StatefulSinkPartition[Row, int]):
    def __init__(self, path: Path, written: int) -> None:
        if written and (not path.exists() or path.stat().st_size < written):
            raise OutputLost(f"{path} is shorter than when the dataflow stopped; name another file, or begin anew.")
        self._file = path.open("ab")
        self._file.truncate(written)
        self._file.seek(written)

    @override
    def write_batch(self, values: list[Row]) -> None:
        self._file.writelines(orjson.dumps(row.as_dict(), option=orjson.OPT_APPEND_NEWLINE) for row in values)

    @override
    def snapshot(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    @override
    def close(self) -> None:
        self._file.close()


class ParquetSink(_OnePart[int]):
    """A folder of numbered files; of several rows with one key the last stands. State: the number of the next file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_ParquetFiles":
        return _ParquetFiles(self._folder, resume_state or 0)


class _ParquetFiles(StatefulSinkPartition[Row, int]):
    """Keeps rows until the next snapshot, which begins another file."""

    def __init__(self, folder: Path, next_file: int) -> None:
        self._folder = folder
        self._next = next_file
        self._rows: list[Row] = []
        folder.mkdir(parents=True, exist_ok=True)
        if not all(self._path(number).exists() for number in range(next_file)):
            raise OutputLost(f"Files are gone from {folder} since the dataflow stopped; name another, or begin anew.")
        for file in folder.glob("[0-9]*.parquet"):
            if int(file.stem) >= next_file:
                file.unlink()

    @override
    def write_batch(self, values: list[Row]) -> None:
        self._rows += values
        while len(self._rows) >= FILE_ROWS_MAX:
            self._write(FILE_ROWS_MAX)

    @override
    def snapshot(self) -> int:
        self._write_rest()
        return self._next

    @override
    def close(self) -> None:
        self._write_rest()

    def _write_rest(self) -> None:
        if self._rows:
            self._write(len(self._rows))

    def _write(self, count: int) -> None:
        rows = [row.as_dict() for row in self._rows[:count]]
        names = dict.fromkeys(name for row in rows for name in row)
        part = self._folder / ".part"
        with part.open("wb") as file:
            pq.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._path(self._next))
        del self._rows[:count]
        self._next += 1

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}.parquet"


class StoreSink(_OnePart[None]):
    """Rows by dataflow and key in one of the stores, as JSON."""

    def __init__(self, stores: StoreThread, outputs: OutputStore, flow: str) -> None:
        self._stores = stores
        self._outputs = outputs
        self._flow = flow

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_StoredRows":
        return _StoredRows(self._stores, self._outputs, self._flow)


class _StoredRows(StatefulSinkPartition[Row, None]):
    def __init__(self, stores: StoreThread, outputs: OutputStore, flow: str) -> None:
        self._stores = stores
        self._outputs = outputs
        self._flow = flow

    @override
    def write_batch(self, values: list[Row]) -> None:
        rows = {row.key: orjson.dumps(row.columns) for row in values}
        self._stores.insist(lambda: self._outputs.put(self._flow, rows), _CALL_S, _PATIENCE_S)

    @override
    def snapshot(self) -> None:
        return None


def file_sink(path: Path) -> RowSink:
    """The sink for a path: `.jsonl` is a file of JSON lines, `.parquet` a folder. Raises `ValueError` for another."""
    match path.suffix:
        case ".jsonl":
            return JsonLinesSink(path)
        case ".parquet":
            return ParquetSink(path)
        case _:
            raise ValueError("name a path that ends in .jsonl or .parquet")
