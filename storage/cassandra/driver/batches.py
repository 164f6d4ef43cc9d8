"""Many rows of several partitions, in batches of one partition each."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

from storage.cassandra.driver.session import CassandraSession, Params
from storage.cassandra.driver.statements import Statement

_BATCHES_MAX = 32
"""Batches of one call that are under way at a time."""


async def write_rows(
    session: CassandraSession,
    statement: Statement,
    rows: Iterable[Params],
    *,
    partition: Callable[[Params], Hashable],
    batch_rows_max: int,
) -> None:
    """Write rows, each whole or not at all; of several some may have been written if this raises.

    `batch_rows_max`: rows of one batch, which should stay under 5 KB, from which on Cassandra warns.
    """
    by_partition: dict[Hashable, list[Params]] = defaultdict(list)
    for row in rows:
        by_partition[partition(row)].append(row)
    batches = [
        [(statement, row) for row in found[at : at + batch_rows_max]]
        for found in by_partition.values()
        for at in range(0, len(found), batch_rows_max)
    ]
    for at in range(0, len(batches), _BATCHES_MAX):
        await asyncio.gather(*map(session.partition_batch, batches[at : at + _BATCHES_MAX]))
