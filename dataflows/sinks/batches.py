"""A sink without state: whatever comes twice must change nothing."""

from collections.abc import Callable
from typing import TypeVar

from bytewax.outputs import DynamicSink, StatelessSinkPartition
from typing_extensions import override

Item = TypeVar("Item")
Write = Callable[[list[Item]], None]


class BatchSink(DynamicSink[Item]):
    """Hands each batch to a function."""

    def __init__(self, write: Write[Item]) -> None:
        self._write = write

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> "_Partition[Item]":
        return _Partition(self._write)


class _Partition(StatelessSinkPartition[Item]):
    def __init__(self, write: Write[Item]) -> None:
        self._write = write

    @override
    def write_batch(self, items: list[Item]) -> None:
        self._write(items)
