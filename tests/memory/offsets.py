"""Offsets of the log's consumers in memory."""

from collections.abc import Mapping

from domain.errors import Fenced
from tests.memory.redis import MemoryRedis, StoredOffsets
from tests.memory.tables import Turn, no_faults


class MemoryOffsetStore:
    """`OffsetStore` on a `MemoryRedis`."""

    def __init__(self, redis: MemoryRedis, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._turn = turn

    async def claim(self, name: str, epoch: int) -> dict[int, str]:
        await self._turn()
        stored = self._redis.readers.setdefault(name, StoredOffsets(epoch))
        if stored.epoch > epoch:
            raise Fenced(name, epoch)
        stored.epoch = epoch
        return dict(stored.offsets)

    async def save(self, names: Mapping[str, int], offsets: Mapping[int, str]) -> None:
        await self._turn()
        fenced: list[tuple[str, int]] = []
        for name, epoch in names.items():
            stored = self._redis.readers.get(name)
            if stored is not None and stored.epoch == epoch:
                stored.offsets.update(offsets)
            else:
                fenced.append((name, epoch))
        if fenced:
            raise Fenced(*fenced[0])

    async def offsets(self, name: str) -> dict[int, str]:
        await self._turn()
        stored = self._redis.readers.get(name)
        return dict(stored.offsets) if stored is not None else {}
