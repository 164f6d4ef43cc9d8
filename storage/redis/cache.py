"""Entry lists and values in Redis. A call is one round trip, but for long trims, and for drops that are announced."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from domain.ids import Ids
from domain.limits import Limits
from domain.timeline import Entries, EntryList, entries_to_wire
from storage import keys as names
from storage.own_acts import NOTED_BYTES
from storage.ports.cache import NOTHING_KNOWN, Changes, Known, ListKey, ListKind, Pushed
from storage.ports.log import BEGINNING
from storage.redis import entry_lists
from storage.redis.driver.cluster import Redis
from storage.redis.driver.cluster_bulk import Bulk
from storage.redis.driver.line import Command
from storage.redis.driver.resp import PARTITIONS_MAX
from storage.redis.scripts import BEGIN, FILL, FINISH, NOTE, TOUCH, TRIM

_VALUE = b"="
_IS_VALUE = ord(_VALUE)
_LEASE = b"?"
_TRIMS_PER_TRIP = 256


class RedisCacheStore:
    """`CacheStore` on Redis. A value is stored as `=` and itself, a lease in its place as `?` and the token."""

    def __init__(self, client: Redis, bulk: Bulk, partitions: int, limits: Limits) -> None:
        assert 1 <= partitions <= PARTITIONS_MAX
        self._client = client
        self._bulk = bulk
        self._partitions = partitions
        self._limits = limits

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        replies = await self._client.run(self._reads(lists, keys, known), repeat=True)
        values = replies.pop() if keys else []
        return await self._lists_of(lists, known, replies), _values(values)

    async def fetch_with_changes(
        self, lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
    ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
        offset, _, life = after.partition("@")
        newest_only = ("XREVRANGE", names.CHANGES, "+", "-", "COUNT", 1)
        changes = newest_only if after == BEGINNING else ("XRANGE", names.CHANGES, offset, "+")
        commands = [changes, ("GET", names.INCARNATION), *self._reads(lists, keys, known)]
        entries, token, *replies = await self._client.run(commands, repeat=True)
        values = replies.pop() if keys else []
        found, fetched = await self._lists_of(lists, known, replies), _values(values)
        if token is None:  # all was lost: another life begins
            await self._client.incarnation()
        if token is None or not entries:
            return found, fetched, Changes((), BEGINNING, unbroken=False)
        unbroken = entries[0][0].decode() == offset and token.decode() == life
        announced = tuple(key.decode() for _, (_, key) in entries[1:]) if unbroken else ()
        return found, fetched, Changes(announced, f"{entries[-1][0].decode()}@{token.decode()}", unbroken)

    def _reads(self, lists: Sequence[ListKey], keys: Sequence[str], known: Known) -> list[Command]:
        """Commands that read lists, and then all values with one."""
        return [*self._list_reads(lists, known), *([("MGET", *keys)] if keys else [])]

    def _list_reads(self, lists: Sequence[ListKey], known: Known) -> list[Command]:
        """Commands that read lists: one, or for one that is known two, in this order."""
        commands: list[Command] = []
        for key in lists:
            name, before = self._name(key), known.get(key)
            if before is None:
                commands.append(("LRANGE", name, "0", "-1"))
            else:
                commands += [("LRANGE", name, *entry_lists.pushed_since(before)), ("LINDEX", name, "-1")]
        return commands

    async def _lists_of(self, lists: Sequence[ListKey], known: Known, replies: list[Any]) -> list[EntryList | None]:
        """The lists of the replies to `_list_reads`; those that are others than the known ones are read whole."""
        found: dict[ListKey, EntryList | None] = {}
        others = list[ListKey]()
        left = iter(replies)
        for key in lists:
            if (before := known.get(key)) is None:
                found[key] = entry_lists.entry_list(next(left))
            else:
                pushed, marker = next(left), next(left)
                found[key] = entry_lists.grown(before, pushed, marker)
                if found[key] is None and marker is not None:
                    others.append(key)
        if others:
            whole = await self._client.run(self._list_reads(others, NOTHING_KNOWN), repeat=True)
            found |= {key: entry_lists.entry_list(elements) for key, elements in zip(others, whole, strict=True)}
        return [found[key] for key in lists]

    async def begin_list(self, key: ListKey, token: str) -> bool:
        begin = BEGIN.call([self._name(key)], entry_lists.building(token), self._limits.lease_ttl_s * 1000)
        return bool((await self._client.run([begin]))[0])

    async def finish_list(self, key: ListKey, token: str, built: EntryList) -> bool:
        assert built.floor is not None, "what was built has a floor"
        finish = FINISH.call(
            [self._name(key)],
            entry_lists.building(token),
            entry_lists.ready(built.floor),
            b"".join(entries_to_wire(built.entries)),
            entry_lists.entries_max(key.kind, self._limits),
            entry_lists.ttl_s(key.kind, self._limits),
        )
        return bool((await self._client.run([finish]))[0])

    async def push(self, kind: ListKind, users: Ids, entries: Entries) -> Pushed:
        pushes, lengths = await self._bulk.push(kind, users, entries, self._partitions)
        delivered = int(pushes.sizes[lengths > 0].sum())
        overfull = pushes.owners[lengths > entry_lists.overfull_above(kind, self._limits) + entry_lists.MARKERS]
        return Pushed(delivered, len(users) - delivered, np.sort(overfull))

    async def trim(self, keys: Sequence[ListKey]) -> int:
        """A trim costs the server over 0.1 ms: they go in several trips, each well within the time limit of a call."""
        trims = [
            TRIM.call([self._name(key)], entry_lists.entries_max(key.kind, self._limits), entry_lists.new_build())
            for key in keys
        ]
        trips = [trims[at : at + _TRIMS_PER_TRIP] for at in range(0, len(trims), _TRIMS_PER_TRIP)]
        return sum([sum(await self._client.run(trip)) for trip in trips])

    async def unlink(self, keys: Sequence[ListKey]) -> None:
        await self._client.run([("UNLINK", *map(self._name, keys))] if keys else [])

    async def touch(self, keys: Sequence[ListKey]) -> None:
        await self._client.run(
            [TOUCH.call([self._name(key)], entry_lists.ttl_s(key.kind, self._limits)) for key in keys]
        )

    async def lease(self, keys: Sequence[str], token: str) -> list[bool]:
        lease = _LEASE + token.encode()
        taken = await self._client.run([("SET", key, lease, "NX", "EX", self._limits.lease_ttl_s) for key in keys])
        return [reply is not None for reply in taken]

    async def fill(self, values: Mapping[str, bytes], token: str, *, ttl_s: int) -> None:
        lease = _LEASE + token.encode()
        await self._client.run([FILL.call([key], lease, _VALUE + value, ttl_s) for key, value in values.items()])

    async def put(self, values: Mapping[str, bytes], *, ttl_s: int) -> None:
        await self._client.run([("SET", key, _VALUE + value, "EX", ttl_s) for key, value in values.items()])

    async def update(self, values: Mapping[str, bytes]) -> None:
        await self._client.run([("SET", key, _VALUE + value, "XX", "KEEPTTL") for key, value in values.items()])

    async def drop(self, keys: Sequence[str]) -> None:
        announced = [key for key in keys if names.is_announced(key)]
        add = ("XADD", names.CHANGES, "MAXLEN", self._limits.changes_max, "*", "k")
        await self._client.run([("UNLINK", *keys)] if keys else [])
        await self._client.run([(*add, key) for key in announced])

    async def now_us(self) -> int:
        ((seconds, microseconds),) = await self._client.run([("TIME",)], repeat=True)
        return int(seconds) * 1_000_000 + int(microseconds)

    async def note(self, key: str, acts: Sequence[bytes]) -> None:
        bytes_max, ttl_s = self._limits.own_acts_max * NOTED_BYTES, self._limits.cache_ttl_s
        stamp = struct.pack(">Q", await self.now_us()) if acts and self._client.has_many_clocks else b""
        await self._client.run([NOTE.call([key], bytes_max, ttl_s, stamp, *acts)] if acts else [])

    def _name(self, key: ListKey) -> str:
        return names.list_key(key, self._partitions)


def _values(stored: Sequence[bytes | None]) -> list[bytes | None]:
    return [each[1:] if each and each[0] == _IS_VALUE else None for each in stored]
