"""Counts of each tag in each minute, by tag and day."""

from collections.abc import Sequence
from operator import itemgetter

from domain.trends.tag_counts import PaneCount
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read, write

DAY_PANES = 1_440
_BATCH_ROWS_MAX = 50

_PUT = write(
    "INSERT INTO trend_panes (tag, day, pane, tweets_count, unique_authors) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?"
)
_PANES = read(
    "SELECT pane, tweets_count, unique_authors FROM trend_panes WHERE tag = ? AND day = ? AND pane >= ? AND pane <= ?",
    fetch_rows=DAY_PANES,
)


class CassandraPaneStore(CassandraAdapter):
    """Panes by tag and day; the table's time to live ends them."""

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        rows = [(c.normalized_tag, c.pane // DAY_PANES, c.pane, c.count, c.unique_authors, stamp_us) for c in counts]
        await self._session.write_rows(_PUT, rows, partition=itemgetter(0, 1), batch_rows_max=_BATCH_ROWS_MAX)

    async def panes(self, normalized_tag: str, first: int, last: int) -> list[PaneCount]:
        days = range(first // DAY_PANES, last // DAY_PANES + 1)
        answers = await self._session.execute_many(_PANES, [(normalized_tag, day, first, last) for day in days])
        return [PaneCount(normalized_tag, *row) for rows in answers for row in rows if row[1]]
