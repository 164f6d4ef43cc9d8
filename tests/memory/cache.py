"""Entry lists and values in memory."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from domain.ids import Ids, UserId
from domain.limits import Limits
from domain.timeline import Entries, EntryList, entries_of
from storage import keys as names
from storage.own_acts import NOTED_BYTES
from storage.ports.cache import NOTHING_KNOWN, Changes, Known, ListKey, ListKind, Pushed
from storage.ports.log import BEGINNING
from storage.redis.entry_lists import overfull_above
from storage.redis.entry_lists import ttl_s as list_ttl_s
from tests.memory.entry_lists import push, trim
from tests.memory.redis import MemoryRedis, StoredList, StoredValue, offset_text
from tests.memory.tables import Turn, no_faults


class MemoryCacheStore:
    """`CacheStore` on a `MemoryRedis`; each call is one step after its turn."""

    def __init__(self, redis: MemoryRedis, limits: Limits, turn: Turn = no_faults) -> None:
        self._redis = redis
        self._limits = limits
        self._turn = turn

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        await self._turn()
        return [self._entry_list(key, known.get(key)) for key in lists], [self._value(key) for key in keys]

    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        await self._turn()
        offsets = [f"{offset_text(offset)}@{self._redis.incarnation}" for offset, _ in self._redis.changes]
        unbroken = after in offsets
        new = self._redis.changes[offsets.index(after) + 1 :] if unbroken else []
        last = offsets[-1] if offsets else BEGINNING
        found = [self._entry_list(key, known.get(key)) for key in lists]
        return found, [self._value(key) for key in keys], Changes(tuple(key for _, key in new), last, unbroken)

    async def begin_list(self, key: ListKey, token: str) -> bool:
        await self._turn()
        if self._redis.list(key) is not None:
            return False
        self._redis.set_list(key, StoredList([], self._redis.in_s(self._limits.lease_ttl_s), token=token))
        return True

    async def finish_list(self, key: ListKey, token: str, built: EntryList) -> bool:
        await self._turn()
        assert built.floor is not None, "what was built has a floor"
        stored = self._redis.list(key)
        if stored is None or stored.token != token:
            return False
        stored.pairs += [(entry, original) for entry, original in built.entries.tolist()]
        stored.token, stored.floor, stored.ends_ms = (
            None,
            built.floor,
            self._redis.in_s(list_ttl_s(key.kind, self._limits)),
        )
        stored.build = self._redis.new_build()
        trim(self._redis, key, self._limits)
        return True

    async def push(self, kind: ListKind, users: Ids, entries: Entries) -> Pushed:
        await self._turn()
        pairs: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for user, (entry, original) in zip(users.tolist(), entries.tolist(), strict=True):
            pairs[user].append((entry, original))
        lengths = {user: push(self._redis, ListKey(kind, UserId(user)), theirs) for user, theirs in pairs.items()}
        delivered = sum(len(pairs[user]) for user, length in lengths.items() if length)
        overfull = sorted(user for user, length in lengths.items() if length > overfull_above(kind, self._limits))
        return Pushed(delivered, len(users) - delivered, np.array(overfull, dtype=np.uint64))

    async def trim(self, keys: Sequence[ListKey]) -> int:
        await self._turn()
        return sum(trim(self._redis, key, self._limits) for key in keys)

    async def unlink(self, keys: Sequence[ListKey]) -> None:
        await self._turn()
        for key in keys:
            self._redis.set_list(key, None)

    async def touch(self, keys: Sequence[ListKey]) -> None:
        await self._turn()
        for key in keys:
            stored = self._redis.list(key)
            if stored is not None and stored.floor is not None:
                stored.ends_ms = self._redis.in_s(list_ttl_s(key.kind, self._limits))

    async def lease(self, keys: Sequence[str], token: str) -> list[bool]:
        await self._turn()
        return [self._lease(key, token) for key in keys]

    async def fill(self, values: Mapping[str, bytes], token: str, *, ttl_s: int) -> None:
        await self._turn()
        for key, value in values.items():
            stored = self._redis.value(key)
            if stored is not None and stored.is_lease and stored.body == token.encode():
                self._redis.set_value(key, StoredValue(value, False, self._redis.in_s(ttl_s)))

    async def put(self, values: Mapping[str, bytes], *, ttl_s: int) -> None:
        await self._turn()
        for key, value in values.items():
            self._redis.set_value(key, StoredValue(value, False, self._redis.in_s(ttl_s)))

    async def update(self, values: Mapping[str, bytes]) -> None:
        await self._turn()
        for key, value in values.items():
            if (held := self._redis.value(key)) is not None:
                self._redis.set_value(key, StoredValue(value, False, held.ends_ms))

    async def drop(self, keys: Sequence[str]) -> None:
        await self._turn()
        for key in keys:
            self._redis.set_value(key, None)
        for key in filter(names.is_announced, keys):
            self._redis.announce(key, self._limits.changes_max)

    async def now_us(self) -> int:
        await self._turn()
        return self._redis.now_us()

    async def note(self, key: str, acts: Sequence[bytes]) -> None:
        await self._turn()
        held = self._redis.value(key)
        noted = b"" if held is None else held.body
        for act in acts:
            if act not in noted:
                noted = act + self._redis.now_us().to_bytes(8) + noted
        if acts:
            kept = noted[: self._limits.own_acts_max * NOTED_BYTES]
            self._redis.set_value(key, StoredValue(kept, False, self._redis.in_s(self._limits.cache_ttl_s)))

    def _entry_list(self, key: ListKey, known: EntryList | None) -> EntryList | None:
        stored = self._redis.list(key)
        if stored is None:
            return None
        if known is not None and known.build == stored.build and len(known.entries) == len(stored.pairs):
            return known
        return EntryList(entries_of(stored.pairs), stored.floor, stored.build if stored.floor is not None else b"")

    def _value(self, key: str) -> bytes | None:
        stored = self._redis.value(key)
        return stored.body if stored is not None and not stored.is_lease else None

    def _lease(self, key: str, token: str) -> bool:
        if self._redis.value(key) is not None:
            return False
        self._redis.set_value(key, StoredValue(token.encode(), True, self._redis.in_s(self._limits.lease_ttl_s)))
        return True
