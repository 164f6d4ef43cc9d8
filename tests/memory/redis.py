"""The Redis in memory that adapters share: what one server holds, and can lose all at once."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from domain.clock import Clock
from storage.ports.cache import ListKey
from storage.redis.rate_limits import LocalRateLimiter

Offset = tuple[int, int]
_BUCKETS_MAX = 1_000


@dataclass(slots=True, eq=False)
class StoredList:
    """An entry list: pushed pairs, latest first; `token` while it is being built, then `floor`."""

    pairs: list[tuple[int, int]]
    ends_ms: int
    token: str | None = None
    floor: int | None = None
    build: bytes = b""
    """Another one whenever anything but a push has changed it, since it is ready."""


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


@dataclass(slots=True)
class StoredTops:
    """The tops of a window's places, and the time of which they are."""

    as_of_ms: int
    tops: dict[str, bytes]
    ends_ms: int


class MemoryRedis:
    """What one Redis holds. `flush` loses all of it, as a restart does; time passes with the given clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lives = 0
        self._builds = 0
        self.flush()

    def flush(self) -> None:
        """Lose everything: another incarnation begins."""
        self.lives += 1
        self.streams: defaultdict[int, list[tuple[Offset, bytes]]] = defaultdict(list)
        self.readers: dict[str, StoredOffsets] = {}
        self._lists: dict[ListKey, StoredList] = {}
        self._values: dict[str, StoredValue] = {}
        self.changes: list[tuple[Offset, str]] = []
        self.buckets = LocalRateLimiter(self.clock, _BUCKETS_MAX)
        self._tops: dict[str, StoredTops] = {}
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

    def new_build(self) -> bytes:
        """Name of a build or trim."""
        self._builds += 1
        return self._builds.to_bytes(8)

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

    def tops(self, window: str) -> StoredTops | None:
        """The tops of a window that have not expired."""
        found = self._tops.get(window)
        return found if found is not None and found.ends_ms > self.clock.monotonic_ms() else None

    def set_tops(self, window: str, stored: StoredTops) -> None:
        """Keep the tops of a window."""
        self._tops[window] = stored

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


def _after(last: Offset, clock: Clock) -> Offset:
    return max((clock.now_ms(), 0), (last[0], last[1] + 1))


def offset_text(offset: Offset) -> str:
    return f"{offset[0]}-{offset[1]}"
