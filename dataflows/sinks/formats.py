"""Files of rows in two formats: JSON lines and Parquet."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

Columns = Mapping[str, Any]


def write_json_lines(file: BinaryIO, rows: Iterable[Columns]) -> None:
    """Write rows as JSON, an object a line."""
    file.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)


def table_of(rows: Sequence[Columns], schema: Any = None) -> Any:
    """The table of rows that Parquet is written from; without a schema it has every column that any row has."""
    names = dict.fromkeys(name for row in rows for name in row) if schema is None else schema.names
    return pa.table({name: [row.get(name) for row in rows] for name in names}, schema=schema)


@contextmanager
def parquet_file(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """A Parquet file that takes tables of one schema."""
    with whole_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        yield writer.write_table


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which appears under its name when it is whole and on disk."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
