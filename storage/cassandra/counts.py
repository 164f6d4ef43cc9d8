"""Sets that are counted: members in the tables of relations, replies, quotes and tweets, and segments."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.counts import CountedSet
from domain.ids import ID_MAX, RANGES, follower_bucket
from domain.relations import BY_RANGE, RELATIONS, Relation
from domain.segments import END, START, Place, Segment
from storage.cassandra.driver.session import CassandraAdapter, Params
from storage.cassandra.driver.statements import Statement, read, write
from storage.ports.counts import Member
from storage.rows import tables_of

_ROWS = 5_000
"""Rows of a page."""
_NOT_COUNTED = -1
_BRANCH, _LEAF = 1, 0
_BRANCHES = read(
    f"SELECT name, slot, id, end_slot, end_id, size FROM count_segments WHERE subject = ? AND level = {_BRANCH}",
    fetch_rows=_ROWS,
)
_LEAVES = read(
    "SELECT slot, id, end_slot, end_id, size FROM count_segments"
    f" WHERE subject = ? AND level = {_LEAF} AND name = ? AND (slot, id) >= (?, ?) AND (slot, id) < (?, ?)",
    fetch_rows=_ROWS,
)
_KEEP = write(
    "INSERT INTO count_segments (subject, level, name, slot, id, end_slot, end_id, size)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?"
)


@dataclass(frozen=True, slots=True)
class _Members:
    """The members of the sets of one name: the statement for one partition, its parameters, and a row's member."""

    statement: Statement
    partitions: Callable[[int, Place, Place], Iterable[Params]]
    """The parameters for each partition that has places from one to before another; of all but the limit."""
    member: Callable[..., Member]


def _within(slot: int, start: Place, end: Place) -> tuple[int, int]:
    """The first and the last id of a slot from one place to before another."""
    return start.id if slot == start.slot else 0, end.id - 1 if slot == end.slot else ID_MAX


def _unspread(of: str, id_: str, column: str, *, unless: bool) -> _Members:
    """Members in one partition; one counts if a column says so, or unless it does."""
    return _Members(
        read(
            f"SELECT {id_}, {column} FROM {of} AND {id_} >= ? AND {id_} <= ? ORDER BY {id_} ASC LIMIT ?",
            fetch_rows=_ROWS,
        ),
        lambda subject, start, end: [(subject, *_within(0, start, end))],
        lambda member, value: Member(Place(0, member), bool(value) is not unless),
    )


def _by_bucket(relation: Relation) -> _Members:
    """Members in some partitions; each of them counts."""
    assert relation.sources, "a set that is counted is kept"
    last = relation.sources.buckets - 1
    return _Members(
        read(
            f"SELECT bucket, user_id FROM {tables_of(relation).by_target}"
            " WHERE target_id = ? AND bucket = ? AND user_id >= ? AND user_id <= ? LIMIT ?",
            fetch_rows=_ROWS,
        ),
        lambda subject, start, end: [
            (subject, bucket, *_within(bucket, start, end)) for bucket in range(start.slot, min(end.slot, last) + 1)
        ],
        lambda bucket, member: Member(Place(bucket, member), True),
    )


def _by_range(relation: Relation) -> _Members:
    """Members in partitions of several slots; each of them counts."""
    return _Members(
        read(
            f"SELECT range, user_id FROM {tables_of(relation).by_target}"
            " WHERE target_id = ? AND bucket = ? AND (range, user_id) >= (?, ?) AND (range, user_id) < (?, ?) LIMIT ?",
            fetch_rows=_ROWS,
        ),
        lambda subject, start, end: [
            (subject, bucket, *start, *end)
            for bucket in range(follower_bucket(start.slot), follower_bucket(min(end.slot, RANGES - 1)) + 1)
        ],
        lambda range_, member: Member(Place(range_, member), True),
    )


_MEMBERS = {
    "tweets": _unspread("tweets WHERE user_id = ?", "tweet_id", "retweet_of", unless=True),
    "replies": _unspread("replies WHERE tweet_id = ?", "reply_id", "deleted", unless=True),
    "quotes": _unspread("quotes WHERE tweet_id = ?", "quote_id", "user_id", unless=False),
}
for _relation in RELATIONS:
    if _relation.counted:
        _spread_out = _by_range if _relation.sources is BY_RANGE else _by_bucket
        _MEMBERS[_relation.counted] = _spread_out(_relation)
    if _relation.user_counted:
        _of_user = f"{tables_of(_relation).by_user} WHERE user_id = ?"
        _MEMBERS[_relation.user_counted] = _unspread(_of_user, "target_id", "active", unless=False)


class CassandraCountStore(CassandraAdapter):
    """`CountStore` on Cassandra. All segments of one subject are in one partition, so they are written in one step."""

    async def members(self, set_: CountedSet, start: Place, end: Place, *, limit: int) -> list[Member]:
        """Of a whole set all partitions are read side by side; of a part of it only as many as are needed."""
        of = _MEMBERS[set_.name]
        partitions = of.partitions(set_.subject, start, end)
        found: list[tuple[Any, ...]] = []
        if (start, end) == (START, END):
            for rows in await self._session.execute_many(of.statement, [(*params, limit) for params in partitions]):
                found += rows
        else:
            for params in partitions:
                found += await self._session.execute(of.statement, (*params, limit - len(found)))
                if len(found) == limit:
                    break
        return [of.member(*row) for row in found[:limit]]

    async def branches(self, subject: int) -> dict[str, list[Segment]]:
        found: dict[str, list[Segment]] = {}
        for name, *row in await self._session.execute(_BRANCHES, (subject,)):
            found.setdefault(name, []).append(_segment(*row))
        return found

    async def leaves(self, set_: CountedSet, start: Place, end: Place) -> list[Segment]:
        rows = await self._session.execute(_LEAVES, (set_.subject, set_.name, *start, *end))
        return [_segment(*row) for row in rows]

    async def keep(self, set_: CountedSet, leaves: Sequence[Segment], branches: Sequence[Segment], stamp: int) -> None:
        levels = [*((_LEAF, leaf) for leaf in leaves), *((_BRANCH, branch) for branch in branches)]
        await self._session.partition_batch(
            [(_KEEP, (set_.subject, level, set_.name, *_columns(segment), stamp)) for level, segment in levels]
        )


def _segment(slot: int, id_: int, end_slot: int, end_id: int, size: int) -> Segment:
    return Segment(Place(slot, id_), Place(end_slot, end_id), None if size == _NOT_COUNTED else size)


def _columns(segment: Segment) -> tuple[int, ...]:
    return (*segment.start, *segment.end, _NOT_COUNTED if segment.size is None else segment.size)
