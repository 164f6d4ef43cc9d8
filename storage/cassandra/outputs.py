"""Rows of dataflows, by dataflow and key."""

import zlib
from collections.abc import Mapping, Sequence
from operator import itemgetter

from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read, write

BUCKETS = 16
_BATCH_ROWS_MAX = 20

_PUT = write("INSERT INTO dataflow_rows (flow, bucket, key, columns) VALUES (?, ?, ?, ?)")
_GET = read("SELECT columns FROM dataflow_rows WHERE flow = ? AND bucket = ? AND key = ?")


class CassandraOutputStore(CassandraAdapter):
    """`OutputStore` on Cassandra; the table's time to live ends rows that are not written again."""

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        found = [(flow, _bucket(key), key, columns.decode()) for key, columns in rows.items()]
        await self._session.write_rows(_PUT, found, partition=itemgetter(1), batch_rows_max=_BATCH_ROWS_MAX)

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        answers = await self._session.execute_many(_GET, [(flow, _bucket(key), key) for key in keys])
        return {key: rows[0][0].encode() for key, rows in zip(keys, answers, strict=True) if rows}


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode()) % BUCKETS
