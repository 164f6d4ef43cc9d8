"""What each tag had in each minute, by tag and day."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from domain.trends import PaneCount
from storage.cassandra.session import CassandraSession, Params
from storage.cassandra.statements import read, write

DAY_PANES = 1_440
_BATCH_ROWS_MAX = 50
"""Rows of one batch: under 5 KB, from which on Cassandra warns."""
_BATCHES_MAX = 32
"""Batches of one call that are under way at a time."""

_PUT = write(
    "INSERT INTO trend_panes (tag, day, pane, tweets_count, unique_authors) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_PANES = read(
    "SELECT pane, tweets_count, unique_authors FROM trend_panes WHERE tag = ? AND day = ? AND pane >= ? AND pane <= ?",
    fetch_rows=DAY_PANES,
)


class CassandraPaneStore:
    """Panes by tag and day; the table's time to live ends them."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        by_partition: dict[tuple[str, int], list[Params]] = defaultdict(list)
        for count in counts:
            key = (count.folded, count.pane // DAY_PANES)
            by_partition[key].append((*key, count.pane, count.count, count.unique_authors, stamp_us))
        batches = [
            [(_PUT, row) for row in rows[at : at + _BATCH_ROWS_MAX]]
            for rows in by_partition.values()
            for at in range(0, len(rows), _BATCH_ROWS_MAX)
        ]
        for at in range(0, len(batches), _BATCHES_MAX):
            await asyncio.gather(*map(self._session.partition_batch, batches[at : at + _BATCHES_MAX]))

    async def panes(self, folded: str, first: int, last: int) -> list[PaneCount]:
        days = range(first // DAY_PANES, last // DAY_PANES + 1)
        answers = await self._session.execute_many(_PANES, [(folded, day, first, last) for day in days])
        return [PaneCount(folded, *row) for rows in answers for row in rows if row[1]]
