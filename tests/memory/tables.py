"""Tables in memory that order writes as Cassandra does: by their timestamps, cell by cell.

A delete hides what was written at or before its stamp, whenever it arrives; a later write shows again.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from storage.rows import KEYS, Delete, Row, SetRelation, Upsert, Value

Turn = Callable[[], Awaitable[None]]
Key = tuple[Value, ...]
Values = dict[str, Value]


def int_of(value: object) -> int:
    """A value that is an integer."""
    assert isinstance(value, int)
    return value


async def no_faults() -> None:
    """The usual turn: let others run."""
    await asyncio.sleep(0)


@dataclass(slots=True)
class _Cell:
    stamp_us: int
    value: Value


@dataclass(slots=True)
class StoredRow:
    """One row: its marker (the latest write of the row itself), its cells, its set, and its latest delete."""

    written_us: int = -1
    deleted_us: int = -1
    cells: dict[str, _Cell] = field(default_factory=dict)
    elements: dict[int, _Cell] = field(default_factory=dict)

    def put(self, stamp_us: int, values: Values) -> None:
        """Write as of a stamp; each cell keeps the latest."""
        self.written_us = max(self.written_us, stamp_us)
        for name, value in values.items():
            held = self.cells.get(name)
            if held is None or held.stamp_us < stamp_us:
                self.cells[name] = _Cell(stamp_us, value)
            elif held.stamp_us == stamp_us and repr(held.value) < repr(value):
                held.value = value  # Cassandra, too, lets the larger of two values win; any fixed rule would do

    def set_relation(self, stamp_us: int, values: Values, sign: Literal["+", "-"], events: Iterable[int]) -> None:
        """Write as of a stamp, and change the set; of equal stamps the removal wins."""
        if values:
            self.put(stamp_us, values)
        for event in events:
            held = self.elements.get(event)
            if held is None or held.stamp_us < stamp_us or (held.stamp_us == stamp_us and sign == "-"):
                self.elements[event] = _Cell(stamp_us, sign == "+")

    def drop(self, stamp_us: int) -> None:
        """Delete as of a stamp."""
        self.deleted_us = max(self.deleted_us, stamp_us)

    @property
    def visible(self) -> bool:
        """Whether a read finds the row."""
        return self.written_us > self.deleted_us

    def stamp_us(self, column: str) -> int:
        """When a column was written."""
        return self.cells[column].stamp_us

    @property
    def active_events(self) -> tuple[int, ...]:
        """The set's elements."""
        return tuple(event for event, cell in self.elements.items() if cell.value)

    def get(self, column: str) -> Value:
        """A column's value, None if it has none."""
        cell = self.cells.get(column)
        return cell.value if cell is not None and cell.stamp_us > self.deleted_us else None


class MemoryTables:
    """Every table that events write to. `turn` is awaited before each call acts, so that a simulation can interfere."""

    def __init__(self, turn: Turn = no_faults) -> None:
        self.turn = turn
        self._tables: defaultdict[str, defaultdict[Key, dict[Key, StoredRow]]] = defaultdict(lambda: defaultdict(dict))

    def apply(self, rows: Iterable[Row]) -> None:
        """Write and delete rows, all in one step."""
        for row in rows:
            split = KEYS[row.table].partition
            stored = self._tables[row.table][row.key[:split]].setdefault(row.key[split:], StoredRow())
            match row:
                case Upsert():
                    stored.put(row.stamp_us, row.values)
                case SetRelation():
                    stored.set_relation(row.stamp_us, row.values, row.sign, row.events)
                case Delete():
                    stored.drop(row.stamp_us)

    def row(self, table: str, *key: Value) -> StoredRow | None:
        """One row by its primary key, if a read finds it."""
        split = KEYS[table].partition
        stored = self._tables[table].get(key[:split], {}).get(key[split:])
        return stored if stored is not None and stored.visible else None

    def partition(self, table: str, *key: Value, newest_first: bool = False) -> list[tuple[Key, StoredRow]]:
        """The rows of a partition that a read finds, ordered by the rest of their keys."""
        assert len(key) == KEYS[table].partition
        found = [(rest, row) for rest, row in self._tables[table].get(key, {}).items() if row.visible]
        return sorted(found, key=lambda item: item[0], reverse=newest_first)

    def contents(self) -> dict[tuple[str, Key], Values]:
        """Everything that reads find, by (table, primary key), for comparisons."""
        return {
            (table, partition + rest): {name: row.get(name) for name in row.cells if row.get(name) is not None}
            for table, partitions in self._tables.items()
            for partition, rows in partitions.items()
            for rest, row in rows.items()
            if row.visible
        }
