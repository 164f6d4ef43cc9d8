"""The tail of the event log: one Redis Stream per partition."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.events import Event, encode
from domain.ids import log_partition
from domain.limits import Limits
from domain.timeline import entries_of, entries_to_wire
from storage import keys
from storage.ports.cache import CacheStore, ListKey, ListKind
from storage.ports.log import BEGINNING, LogEnd, LogRead, LogRecord
from storage.projections import projection_of
from storage.redis import entry_lists
from storage.redis.driver.cluster import Redis
from storage.redis.driver.line import Command

_FIELD = "e"
_BEHIND_ALL = "$"


class RedisEventLog:
    """`EventLog` on Redis. A stream may hold a few entries more than `log_entries_max`: whole nodes are cut off."""

    def __init__(self, client: Redis, cache: CacheStore, partitions: int, limits: Limits) -> None:
        self._client = client
        self._cache = cache
        self._partitions = partitions
        self._limits = limits

    async def append(self, events: Sequence[Event]) -> None:
        commands: list[Command] = []
        pushed: dict[int, ListKey] = {}
        for event in events:
            if entry := projection_of(event).entry(event):
                timeline = ListKey(ListKind.AUTHOR, event.actor)
                pushed[len(commands)] = timeline
                name = keys.list_key(timeline, self._partitions)
                commands.append(("LPUSHX", name, *entries_to_wire(entries_of([entry]))))
            stream = keys.log(log_partition(event.actor, self._partitions))
            commands.append(("XADD", stream, "MAXLEN", "~", self._limits.log_entries_max, "*", _FIELD, encode(event)))
        lengths = await self._client.run(commands)
        full = entry_lists.overfull_above(ListKind.AUTHOR, self._limits) + entry_lists.MARKERS
        await self._cache.trim([*dict.fromkeys(timeline for at, timeline in pushed.items() if lengths[at] > full)])

    async def read(self, offsets: Mapping[int, str], *, limit: int, wait_ms: int) -> LogRead:
        """One round trip, in an order that errs to the safe side.

        What is trimmed, or lost, after the records were read shows in `first` or the incarnation; were those read
        first, records could be taken for complete that are not.
        """
        partitions = {keys.log(partition).encode(): partition for partition in offsets}
        block = ("BLOCK", wait_ms) if wait_ms else ()
        commands: list[Command] = [
            ("XREAD", "COUNT", limit, *block, "STREAMS", *partitions, *offsets.values()),
            ("GET", keys.INCARNATION),
            *(("XRANGE", stream, "-", "+", "COUNT", 1) for stream in partitions),
        ]
        streams, token, *first = await self._client.run(commands, repeat=True, wait_ms=wait_ms)
        if token is None:  # all was lost: another life begins
            await self._client.incarnation()
            return await self.read(offsets, limit=limit, wait_ms=0)
        return LogRead(
            incarnation=token.decode(),
            records=tuple(
                LogRecord(partitions[stream], offset.decode(), fields[1])
                for stream, entries in streams or ()
                for offset, fields in entries
            ),
            first={p: _offset(entries) for p, entries in zip(offsets, first, strict=True) if entries},
        )

    async def ends(self) -> dict[int, LogEnd]:
        streams = [keys.log(partition) for partition in range(self._partitions)]
        ends = [("XREVRANGE", stream, "+", "-", "COUNT", 1) for stream in streams]
        replies = await self._client.run([*ends, *(("XLEN", stream) for stream in streams)], repeat=True)
        lasts, lengths = replies[: self._partitions], replies[self._partitions :]
        return {p: LogEnd(_offset(last), length) for p, (last, length) in enumerate(zip(lasts, lengths, strict=True))}

    async def incarnation(self) -> str:
        return (await self.read(dict.fromkeys(range(self._partitions), _BEHIND_ALL), limit=1, wait_ms=0)).incarnation


def _offset(entries: list[Any]) -> str:
    """The offset of the first of some entries; `BEGINNING` if there are none."""
    return str(entries[0][0].decode()) if entries else BEGINNING
