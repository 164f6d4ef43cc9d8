"""The tail and the offsets in memory, and what stands for the Redis that keeps them."""

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from domain.clock import Clock
from domain.errors import Fenced
from domain.events import Event, encode
from domain.ids import log_partition
from domain.limits import Limits
from storage.memory.tables import Turn, no_faults
from storage.ports.cache import ListKey, ListKind
from storage.ports.log import BEGINNING, LogEnd, LogRead, LogRecord
from storage.projections import projection_of

Offset = tuple[int, int]


@dataclass(slots=True, eq=False)
class StoredList:
    """An entry list: pushed pairs, latest first; `token` while it is being built, then `floor`."""

    pairs: list[tuple[int, int]]
    ends_ms: int
    token: str | None = None
    floor: int | None = None


@dataclass(slots=True)
class StoredValue:
    """A value, or a lease on one that is absent."""

    body: bytes
    is_lease: bool
    ends_ms: int


@dataclass(slots=True)
class StoredOffsets:
    """A reader's epoch and offsets."""

    epoch: int
    offsets: dict[int, str] = field(default_factory=dict)


class MemoryRedis:
    """What one Redis holds. `flush` loses all of it, as a restart does; time passes with the given clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lives = 0
        self.flush()

    def flush(self) -> None:
        """Lose everything: another incarnation begins."""
        self.lives += 1
        self.streams: defaultdict[int, list[tuple[Offset, bytes]]] = defaultdict(list)
        self.readers: dict[str, StoredOffsets] = {}
        self._lists: dict[ListKey, StoredList] = {}
        self._values: dict[str, StoredValue] = {}
        self.changes: list[tuple[Offset, str]] = []
        self._news = asyncio.Event()

    @property
    def incarnation(self) -> str:
        """The token of this life."""
        return f"memory:{self.lives}"

    def in_s(self, seconds: int) -> int:
        """The monotonic time some seconds from now, ms."""
        return self.clock.monotonic_ms() + seconds * 1000

    def now_us(self) -> int:
        """The wall time, microseconds."""
        return self.clock.now_ms() * 1000

    def list(self, key: ListKey) -> StoredList | None:
        """A list that has not expired."""
        found = self._lists.get(key)
        return found if found is not None and found.ends_ms > self.clock.monotonic_ms() else None

    def set_list(self, key: ListKey, stored: StoredList | None) -> None:
        """Keep a list, or forget it."""
        if stored is None:
            self._lists.pop(key, None)
        else:
            self._lists[key] = stored

    def value(self, key: str) -> StoredValue | None:
        """A value or lease that has not expired."""
        found = self._values.get(key)
        return found if found is not None and found.ends_ms > self.clock.monotonic_ms() else None

    def set_value(self, key: str, stored: StoredValue | None) -> None:
        """Keep a value or lease, or forget it."""
        if stored is None:
            self._values.pop(key, None)
        else:
            self._values[key] = stored

    def announce(self, key: str, entries_max: int) -> None:
        """Add a key to the change feed, and keep the newest."""
        self.changes.append((_after(self.changes[-1][0] if self.changes else (0, 0), self.clock), key))
        del self.changes[:-entries_max]

    def add(self, partition: int, body: bytes, entries_max: int) -> None:
        """Append to a stream and keep its newest; offsets grow even if the clock goes back."""
        stream = self.streams[partition]
        stream.append((_after(stream[-1][0] if stream else (0, 0), self.clock), body))
        del stream[:-entries_max]
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def wait_for_news(self, wait_ms: int) -> None:
        """Return at the next append, or after some time."""
        try:
            async with asyncio.timeout(wait_ms / 1000):
                await self._news.wait()
        except TimeoutError:
            return


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


def push(redis: MemoryRedis, key: ListKey, pairs: Sequence[tuple[int, int]]) -> int:
    """Add pairs to a list if it exists; how many it holds then, 0 if it does not exist."""
    stored = redis.list(key)
    if stored is None:
        return 0
    stored.pairs[:0] = reversed(pairs)
    return len(stored.pairs)


def overfull_above(kind: ListKind, limits: Limits) -> int:
    """Entries above which a list is to be trimmed."""
    if kind is ListKind.HOME:
        return limits.timeline_entries_max + limits.timeline_slack
    return limits.author_entries_max + limits.author_slack


def trim_overfull(redis: MemoryRedis, key: ListKey, limits: Limits) -> None:
    """Trim a list if it has outgrown its slack."""
    stored = redis.list(key)
    if stored is not None and len(stored.pairs) > overfull_above(key.kind, limits):
        trim(redis, key, limits)


def trim(redis: MemoryRedis, key: ListKey, limits: Limits) -> bool:
    """Cut a list to its newest entries; one that is being built is dropped. Whether there was anything to do."""
    stored = redis.list(key)
    entries_max = limits.timeline_entries_max if key.kind is ListKind.HOME else limits.author_entries_max
    if stored is None or len(stored.pairs) <= entries_max:
        return False
    if stored.floor is None:
        redis.set_list(key, None)
        return True
    newest = sorted({pair for pair in stored.pairs if pair[0] > stored.floor}, reverse=True)
    if len(newest) > entries_max:
        stored.floor = newest[entries_max][0]
    stored.pairs = newest[:entries_max]
    return True


def _after(last: Offset, clock: Clock) -> Offset:
    return max((clock.now_ms(), 0), (last[0], last[1] + 1))


def _offset(text: str) -> Offset:
    ms, _, n = text.partition("-")
    return int(ms), int(n)


def offset_text(offset: Offset) -> str:
    return f"{offset[0]}-{offset[1]}"
