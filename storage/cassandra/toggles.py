"""Switches as they are read, and pages merged from the buckets over which a set is spread."""

import heapq
from collections.abc import Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from domain.graph import OFF, Toggle, toggle
from domain.ids import UserId
from storage.cassandra.session import CassandraSession, Rows
from storage.cassandra.statements import Statement

IN_MAX = 100
"""Keys of one IN list."""
STATE = "active, since, WRITETIME(active), sinces"
"""The columns of a switch, as `toggle_of` reads them."""


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


async def count(session: CassandraSession, statement: Statement, params: Sequence[Sequence[Any]]) -> int:
    """The sum of a count over several partitions."""
    return sum(rows[0][0] for rows in await session.execute_many(statement, params))
