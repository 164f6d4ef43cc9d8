"""The tail of the event log: one Redis Stream per partition."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.events import Event, Retweeted, TweetPosted, encode
from domain.ids import log_partition
from domain.limits import Limits
from domain.timeline import entries_of, entries_to_wire
from storage import keys
from storage.ports import CacheStore, EventLog, ListKey, ListKind, LogRead, LogRecord
from storage.redis import lists
from storage.redis.client import RedisClient

_FIELD = "e"


class RedisEventLog(EventLog):
    """`EventLog` on Redis. A stream may hold a few entries more than `log_entries_max`: whole nodes are cut off."""

    def __init__(self, client: RedisClient, cache: CacheStore, partitions: int, limits: Limits) -> None:
        self._client = client
        self._cache = cache
        self._partitions = partitions
        self._limits = limits

    async def append(self, events: Sequence[Event]) -> None:
        commands: list[tuple[Any, ...]] = []
        pushed: dict[int, ListKey] = {}
        for event in events:
            entry = _entry(event)
            if entry is not None:
                recents = ListKey(ListKind.RECENT, event.actor)
                pushed[len(commands)] = recents
                commands.append(("LPUSHX", keys.list_key(recents, self._partitions), entry))
            stream = keys.log(log_partition(event.actor, self._partitions))
            commands.append(
                ("XADD", stream, "MAXLEN", "~", self._limits.log_entries_max, "*", _FIELD, encode(event))
            )
        lengths = await self._client.run(commands)
        full = lists.overfull_above(ListKind.RECENT, self._limits) + lists.MARKERS
        await self._cache.trim([*dict.fromkeys(recents for at, recents in pushed.items() if lengths[at] > full)])

    async def read(self, positions: Mapping[int, str], *, limit: int, wait_ms: int) -> LogRead:
        """One round trip, in an order that errs to the safe side.

        What is trimmed, or lost, after the records were read shows in `first` or the incarnation; were those read
        first, records could be taken for complete that are not.
        """
        partitions = {keys.log(partition).encode(): partition for partition in positions}
        block = ("BLOCK", wait_ms) if wait_ms else ()
        commands: list[tuple[Any, ...]] = [
            ("XREAD", "COUNT", limit, *block, "STREAMS", *partitions, *positions.values()),
            ("GET", keys.INCARNATION),
            *(("XRANGE", stream, "-", "+", "COUNT", 1) for stream in partitions),
            *(("XREVRANGE", stream, "+", "-", "COUNT", 1) for stream in partitions),
        ]
        streams, token, *ends = await self._client.run(commands, repeat=True, wait_ms=wait_ms)
        return LogRead(
            incarnation=token.decode() if token is not None else await self._client.incarnation(),
            records=tuple(
                LogRecord(partitions[stream], position.decode(), fields[1])
                for stream, entries in streams or ()
                for position, fields in entries
            ),
            first=_positions(positions, ends[: len(positions)]),
            last=_positions(positions, ends[len(positions) :]),
        )

    async def incarnation(self) -> str:
        return await self._client.incarnation()


def _positions(partitions: Mapping[int, str], ends: Sequence[list[Any]]) -> dict[int, str]:
    """The position of the single entry found in each partition that is not empty."""
    return {partition: end[0][0].decode() for partition, end in zip(partitions, ends, strict=True) if end}


def _entry(event: Event) -> bytes | None:
    """What an event adds to its actor's recent tweets."""
    match event:
        case TweetPosted():
            return entries_to_wire(entries_of([(event.event_id, event.event_id)]))[0]
        case Retweeted():
            return entries_to_wire(entries_of([(event.event_id, event.tweet_id)]))[0]
        case _:
            return None
