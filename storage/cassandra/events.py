"""Events and the rows that follow from them: one logged batch a fact."""

from collections.abc import Iterable, Sequence
from functools import cache

from domain.events import Event
from domain.ids import EventId
from domain.relations import RelationState
from storage.cassandra.driver.session import CassandraSession, Params
from storage.cassandra.driver.statements import Statement, read, write
from storage.projections import projection_of
from storage.projections.relations import superseded_rows
from storage.rows import KEYS, Delete, Row, SetRelation, Upsert, event_row

_EVENTS = read(
    "SELECT event_id, body FROM events_by_minute WHERE minute = ? AND log_partition = ? AND event_id > ? LIMIT ?"
)
_EVENT_IDS = read(
    "SELECT log_partition, event_id FROM events_by_minute WHERE minute = ? AND log_partition IN ? AND event_id > ?",
    fetch_rows=5_000,
)


class CassandraEventStore:
    """Events by minute and log partition; `partitions` is the number of log partitions."""

    def __init__(self, session: CassandraSession, partitions: int) -> None:
        self._session = session
        self._partitions = partitions

    async def commit(self, event: Event) -> None:
        await self._write([event_row(event, self._partitions), *projection_of(event).rows(event)])

    async def remove_superseded(self, event: Event, state: RelationState) -> None:
        await self._write(superseded_rows(event, state))

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        rows = await self._session.execute(_EVENTS, (minute, partition, after, limit))
        return [(EventId(event_id), body) for event_id, body in rows]

    async def event_ids_of(self, minute: int, *, after: EventId) -> list[tuple[int, EventId]]:
        rows = await self._session.execute(_EVENT_IDS, (minute, list(range(self._partitions)), after))
        return [(partition, EventId(event_id)) for partition, event_id in rows]

    async def _write(self, rows: Iterable[Row]) -> None:
        await self._session.logged_batch([_bound(row) for row in rows])


def _bound(row: Row) -> tuple[Statement, Params]:
    match row:
        case Upsert():
            return _insert(row.table, tuple(row.values)), (*row.key, *row.values.values(), row.stamp_us)
        case SetRelation():
            params = (row.stamp_us, *row.values.values(), set(row.events), *row.key)
            return _update(row.table, tuple(row.values), row.sign), params
        case Delete():
            return _delete(row.table), (row.stamp_us, *row.key)


@cache
def _insert(table: str, columns: Sequence[str]) -> Statement:
    names = (*KEYS[table].columns, *columns)
    marks = ", ".join("?" * len(names))
    return write(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) USING TIMESTAMP ?")


@cache
def _update(table: str, columns: Sequence[str], sign: str) -> Statement:
    changes = ", ".join([*(f"{name} = ?" for name in columns), f"active_events = active_events {sign} ?"])
    return write(f"UPDATE {table} USING TIMESTAMP ? SET {changes} WHERE {_key(table)}")


@cache
def _delete(table: str) -> Statement:
    return write(f"DELETE FROM {table} USING TIMESTAMP ? WHERE {_key(table)}")


def _key(table: str) -> str:
    return " AND ".join(f"{name} = ?" for name in KEYS[table].columns)
