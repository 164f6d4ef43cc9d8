"""Switches as they are read, and pages merged from the buckets over which a set is spread."""

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import itemgetter

from domain.graph import OFF, Toggle, toggle
from domain.ids import UserId
from storage.cassandra.driver.session import CassandraSession, Params, Rows
from storage.cassandra.driver.statements import Statement

IN_MAX = 100
"""Keys of one IN list."""
STATE = "active, since, WRITETIME(active), sinces"
"""The columns of a switch, as `toggle_of` reads them."""
COUNTED_ROWS = 5_000
"""Rows of a page that is counted."""


def toggle_of(rows: Rows) -> Toggle:
    """The switch in a row of `STATE`; `OFF` if there is none."""
    if not rows:
        return OFF
    active, since, written_us, sinces = rows[0]
    return toggle(active, since, written_us, sinces or ())


def merged_page(buckets: Iterable[Rows], limit: int) -> list[tuple[UserId, int]]:
    """The latest (user, since) of several lists of (since, user), each latest first."""
    latest_first = heapq.merge(*buckets, key=itemgetter(0), reverse=True)
    return [(UserId(user), since) for since, user in islice(latest_first, limit)]


async def count(session: CassandraSession, statement: Statement, params: Sequence[Params]) -> int:
    """How many rows there are in several partitions, page by page: no request takes longer for a larger one."""

    async def rows(of: Params) -> int:
        return sum([len(page) async for page in session.pages(statement, of)])

    return sum(await asyncio.gather(*map(rows, params)))
