"""Counts of tweets and users: read through for all readers, and corrected for one by what they did lately."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic

from domain.errors import Overloaded, StoreUnavailable
from domain.limits import Limits
from storage.own_acts import acts_from
from storage.ports.cache import CacheStore
from storage.read_through import ReadThrough
from storage.values import C, Counted, CountsForm
from telemetry import metrics

_RECOUNTED_MAX = 16
"""Tweets or users of one page whose sets are counted anew."""


class Counts(Generic[C]):
    """Counts of one kind, which `count` takes anew from the truth; corrected for one reader by what they did.

    A count whose reading began before the reader's own act was noted may lack it, and is not believed: its set is read
    anew, for this reader alone, as the counters will write what is right for all. A set too large for that, or one
    of too many, gets the change added; should the cached reading have overlapped the act, it is off by one until the
    counters come by.
    """

    def __init__(
        self, cache: CacheStore, limits: Limits, form: CountsForm[C], count: Callable[..., Awaitable[C]]
    ) -> None:
        self._cache = cache
        self._limits = limits
        self._form: CountsForm[C] = form
        self._count: Callable[..., Awaitable[C]] = count
        self.shared = ReadThrough(cache, limits, kind="counts", key=form.key, load=self._load)
        """As all readers see them."""

    async def of(self, cached: Mapping[int, bytes | None], noted: bytes | None) -> dict[int, C]:
        """Counts as one reader must see them, from what was `cached` of each and `noted` of their own acts."""
        found = await self.shared.fill_missing(cached)
        counts = {id_: self._form.alone(value) for id_, value in found.items()}
        if noted:
            await self._correct(noted, found, counts)
        return counts

    async def _correct(self, noted: bytes, found: Mapping[int, bytes], counts: dict[int, C]) -> None:
        acts = acts_from(noted)
        recounted: dict[int, list[str]] = {}
        for id_ in found.keys() & acts.keys():
            counted = self._form.counted(found[id_])
            changes: dict[str, int] = {}
            for name, change, noted_us in acts[id_]:
                if noted_us >= counted.began_us(name):
                    changes[name] = changes.get(name, 0) + change
            for name, change in changes.items():
                size: int = getattr(counted.counts, name)
                if size <= self._limits.own_recount_max and (id_ in recounted or len(recounted) < _RECOUNTED_MAX):
                    recounted.setdefault(id_, []).append(name)
                else:
                    counts[id_] = counts[id_]._replace(**{name: size + change})
        if recounted:
            metrics.SAFEGUARDS.record(sum(map(len, recounted.values())), safeguard="own_count")
            anew = await asyncio.gather(*(self._count(id_, names, counts[id_]) for id_, names in recounted.items()))
            counts.update(zip(recounted, anew, strict=True))

    async def _load(self, ids: list[int]) -> dict[int, bytes]:
        try:
            began_us = await self._cache.now_us()
        except (StoreUnavailable, Overloaded):
            began_us = 0  # counted by the adapter; who has done something to these counts does not believe them
        counts = await asyncio.gather(*map(self._count, ids))
        return {id_: self._form.value(Counted.at(each, began_us)) for id_, each in zip(ids, counts, strict=True)}
