"""Rows of dataflows in memory: those that Cassandra keeps, and those that Redis may lose."""

from collections.abc import Mapping, Sequence

from storage import keys as names
from storage.redis.outputs import TTL_S
from tests.memory.redis import MemoryRedis, StoredValue
from tests.memory.tables import Turn, no_faults


class MemoryOutputStore:
    """`OutputStore` of one process."""

    def __init__(self, turn: Turn = no_faults) -> None:
        self._turn = turn
        self._rows: dict[tuple[str, str], bytes] = {}

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        await self._turn()
        self._rows |= {(flow, key): row for key, row in rows.items()}

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        await self._turn()
        return {key: self._rows[flow, key] for key in keys if (flow, key) in self._rows}


class MemoryCachedOutputStore:
    """`OutputStore` on a `MemoryRedis`."""

    def __init__(self, redis: MemoryRedis, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._turn = turn

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        await self._turn()
        for key, row in rows.items():
            self._redis.set_value(names.output(flow, key), StoredValue(row, False, self._redis.in_s(TTL_S)))

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        await self._turn()
        found = {key: self._redis.value(names.output(flow, key)) for key in keys}
        return {key: stored.body for key, stored in found.items() if stored is not None}
