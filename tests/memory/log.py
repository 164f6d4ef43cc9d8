"""The event log in memory."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import itemgetter

from domain.events import Event, encode
from domain.ids import log_partition
from domain.limits import Limits
from storage.ports.cache import ListKey, ListKind
from storage.ports.log import BEGINNING, LogEnd, LogRead, LogRecord
from storage.projections import projection_of
from tests.memory.entry_lists import push, trim_overfull
from tests.memory.redis import MemoryRedis, Offset, offset_text
from tests.memory.tables import Turn, no_faults


class MemoryEventLog:
    """`EventLog` on a `MemoryRedis`; a stream is cut exactly."""

    def __init__(self, redis: MemoryRedis, partitions: int, limits: Limits, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._partitions = partitions
        self._limits = limits
        self._turn = turn

    async def append(self, events: Sequence[Event]) -> None:
        for event in events:
            await self._turn()
            if entry := projection_of(event).entry(event):
                recents = ListKey(ListKind.AUTHOR, event.actor)
                push(self._redis, recents, [entry])
                trim_overfull(self._redis, recents, self._limits)
            partition = log_partition(event.actor, self._partitions)
            self._redis.add(partition, encode(event), self._limits.log_entries_max)

    async def read(self, offsets: Mapping[int, str], *, limit: int, wait_ms: int) -> LogRead:
        await self._turn()
        found = self._read(offsets, limit)
        if not found.records and wait_ms:
            await self._redis.wait_for_news(wait_ms)
            found = self._read(offsets, limit)
        return found

    async def ends(self) -> dict[int, LogEnd]:
        await self._turn()
        streams = {partition: self._redis.streams[partition] for partition in range(self._partitions)}
        return {
            p: LogEnd(offset_text(stream[-1][0]) if stream else BEGINNING, len(stream)) for p, stream in streams.items()
        }

    async def incarnation(self) -> str:
        await self._turn()
        return self._redis.incarnation

    def _read(self, offsets: Mapping[int, str], limit: int) -> LogRead:
        records: list[LogRecord] = []
        for partition, offset in offsets.items():
            stream = self._redis.streams[partition]
            begin = bisect_right(stream, _offset(offset), key=itemgetter(0))
            records += [LogRecord(partition, offset_text(at), body) for at, body in stream[begin : begin + limit]]
        first = {p: offset_text(self._redis.streams[p][0][0]) for p in offsets if self._redis.streams[p]}
        return LogRead(incarnation=self._redis.incarnation, records=tuple(records), first=first)


def _offset(text: str) -> Offset:
    ms, _, n = text.partition("-")
    return int(ms), int(n)
