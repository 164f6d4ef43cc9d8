"""Read-through: values that are cached, and come from Cassandra where the cache lacks them."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import compress

from domain.errors import Overloaded, StoreUnavailable
from domain.limits import Limits
from storage.keys import ById
from storage.ports.cache import CacheStore
from telemetry import metrics

Load = Callable[[list[int]], Awaitable[Mapping[int, bytes]]]
"""Reads Cassandra: from ids to values; an id that is left out has no value."""
Fetch = Callable[[list[str]], Awaitable[Sequence[bytes | None]]]
"""Gets values from the cache."""


class ReadThrough:
    """One kind of value by id, each absent one loaded once at a time in this process.

    Who finds a value absent gets one that was read after that. Fills are guarded by leases, so a value dropped while it
    was being loaded is not stored. While the cache is down or too busy everything is loaded.
    """

    def __init__(
        self,
        cache: CacheStore,
        limits: Limits,
        *,
        kind: str,
        key: ById,
        load: Load,
        keeps_absent: bool = True,
    ) -> None:
        """With `keeps_absent` the cache holds as well that there is no value: only where none can come to be."""
        self._cache = cache
        self._limits = limits
        self._kind = kind
        self._load = load
        self._keeps_absent = keeps_absent
        self._loading: dict[int, asyncio.Future[bytes]] = {}
        self.key = key

    async def get(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The values of some ids; an empty one where there is none."""
        (found,) = await multi_get(fetch_from(self._cache), (self.key, ids))
        return await self.fill_missing(found)

    async def fill_missing(self, found: Mapping[int, bytes | None]) -> dict[int, bytes]:
        """Values of a `multi_get`, with what was absent loaded."""
        values = {id_: value for id_, value in found.items() if value is not None}
        if values:
            metrics.CACHE.record(len(values), kind=self._kind, outcome="hit")
        if len(values) < len(found):
            missing = [id_ for id_ in found if id_ not in values]
            metrics.CACHE.record(len(missing), kind=self._kind, outcome="miss")
            values.update(await self._load_once(missing))
        return values

    async def _load_once(self, missing: Sequence[int]) -> dict[int, bytes]:
        # A reading that was under way when we looked may have begun before what we must see was committed; one that
        # begins after it will do.
        under_way = [self._loading[id_] for id_ in missing if id_ in self._loading]
        if under_way:
            await asyncio.wait(under_way)
        mine = [id_ for id_ in missing if id_ not in self._loading]
        theirs = {id_: self._loading[id_] for id_ in missing if id_ in self._loading}
        values: dict[int, bytes] = {}
        if mine:
            loop = asyncio.get_running_loop()
            self._loading |= {id_: loop.create_future() for id_ in mine}
            try:
                values = await self._load_and_fill(mine)
                for id_ in mine:
                    self._loading[id_].set_result(values[id_])
            finally:
                for id_ in mine:
                    self._loading.pop(id_).cancel()
        for id_, loading in theirs.items():
            try:
                values[id_] = await asyncio.shield(loading)
            except asyncio.CancelledError:
                if not loading.cancelled():
                    raise
                values |= await self._load_and_fill([id_])
        return values

    async def _load_and_fill(self, ids: list[int]) -> dict[int, bytes]:
        token, leased = secrets.token_hex(8), list[bool]()
        with suppress(StoreUnavailable, Overloaded):
            leased = await self._cache.lease([self.key(id_) for id_ in ids], token)
        loaded = await self._load(ids)
        values = {id_: loaded.get(id_, b"") for id_ in ids}
        mine = compress(ids, leased)
        filled = {self.key(id_): values[id_] for id_ in mine if self._keeps_absent or id_ in loaded}
        if filled:
            with suppress(StoreUnavailable, Overloaded):  # counted by the adapter; the value is right, only not kept
                await self._cache.fill(filled, token, ttl_s=self._limits.cache_ttl_s)
        return values


async def multi_get(fetch: Fetch, *wanted: tuple[ById, Iterable[int]]) -> list[dict[int, bytes | None]]:
    """The cached values of several kinds, each by its key, in one trip; none while the cache is down or too busy."""
    asked = [(key, list(dict.fromkeys(ids))) for key, ids in wanted]
    keys = [key(id_) for key, ids in asked for id_ in ids]
    values: Sequence[bytes | None] = [None] * len(keys)
    if keys:
        with suppress(StoreUnavailable, Overloaded):  # counted, and reported, by the cache
            values = await fetch(keys)
    remaining = iter(values)
    return [dict(zip(ids, remaining, strict=False)) for _, ids in asked]


def fetch_from(cache: CacheStore) -> Fetch:
    """Values as a cache has them."""

    async def fetch(keys: list[str]) -> Sequence[bytes | None]:
        _, values = await cache.fetch((), keys)
        return values

    return fetch
