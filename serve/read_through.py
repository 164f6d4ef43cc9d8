"""Values that are kept in Redis and come from Cassandra when they are absent there."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from domain.errors import Overloaded, StoreUnavailable
from domain.limits import Limits
from serve.doubts import Doubts
from storage.ports.cache import CacheStore
from telemetry import metrics

Load = Callable[[list[int]], Awaitable[Mapping[int, bytes]]]
"""Reads the truth: from ids to values; an id that is left out has no value."""


class Keyed(Protocol):
    """What is kept in the cache by id, and the doubts that there are if it cannot be looked up."""

    @property
    def doubts(self) -> Doubts | None: ...

    def key(self, id_: int) -> str: ...


class ReadThrough:
    """One kind of value by id, each absent one loaded once at a time in this process.

    Whoever finds a value absent gets one that was read after that.

    Fills are guarded by leases, so a value dropped while it was being loaded is not stored. While the cache is down or
    too busy everything is loaded.
    """

    def __init__(
        self,
        cache: CacheStore,
        limits: Limits,
        *,
        kind: str,
        key: Callable[[int], str],
        load: Load,
        doubts: Doubts | None = None,
    ) -> None:
        """What there are `doubts` about is not believed, if the cache holds it."""
        self.doubts = doubts
        self._cache = cache
        self._limits = limits
        self._kind = kind
        self._key = key
        self._load = load
        self._loading: dict[int, asyncio.Future[bytes]] = {}

    def key(self, id_: int) -> str:
        """Where the value of an id is kept."""
        return self._key(id_)

    async def get(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The values of some ids; an empty one where there is none."""
        (found,) = await looked_up(self._cache, (self, ids))
        return await self.complete(found)

    async def complete(self, found: Mapping[int, bytes | None]) -> dict[int, bytes]:
        """Values that somebody already looked up, with what was absent loaded."""
        values = {id_: value for id_, value in found.items() if value is not None and not self._is_doubted(id_)}
        missing = [id_ for id_ in found if id_ not in values]
        if values:
            metrics.CACHE.record(len(values), kind=self._kind, outcome="hit")
        if missing:
            metrics.CACHE.record(len(missing), kind=self._kind, outcome="miss")
            values.update(await self._load_once(missing))
        return values

    def _is_doubted(self, id_: int) -> bool:
        return self.doubts is not None and self.doubts.hold and self.doubts.about(self._key(id_))

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
        token = secrets.token_hex(8)
        leased = await self._lease(ids, token)
        loaded = await self._load(ids)
        values = {id_: loaded.get(id_, b"") for id_ in ids}
        if leased:
            try:
                filled = {self._key(id_): values[id_] for id_ in leased}
                await self._cache.fill(filled, token, ttl_s=self._limits.cache_ttl_s)
            except (StoreUnavailable, Overloaded):
                pass  # counted by the adapter; the value is right, only not kept
        return values

    async def _lease(self, ids: list[int], token: str) -> list[int]:
        try:
            taken = await self._cache.lease([self._key(id_) for id_ in ids], token)
        except (StoreUnavailable, Overloaded):
            return []
        return [id_ for id_, ok in zip(ids, taken, strict=True) if ok]


async def looked_up(cache: CacheStore, *wanted: tuple[Keyed, Iterable[int]]) -> list[dict[int, bytes | None]]:
    """What the cache holds of several kinds, in one trip, to be completed; nothing while it is down or too busy."""
    asked = [(kind, list(dict.fromkeys(ids))) for kind, ids in wanted]
    keys = [kind.key(id_) for kind, ids in asked for id_ in ids]
    values: list[bytes | None] = [None] * len(keys)
    if keys:
        try:
            _, values = await cache.fetch((), keys)
        except (StoreUnavailable, Overloaded) as error:
            if isinstance(error, StoreUnavailable):
                for doubts in {kind.doubts for kind, _ in asked if kind.doubts is not None}:
                    await doubts.rise()
    remaining = iter(values)
    return [dict(zip(ids, remaining, strict=False)) for _, ids in asked]
