"""Counts of tweets and users: read through for all readers, and corrected for one by what they did lately."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Generic

from domain.counts import place_of
from domain.errors import Overloaded, StoreUnavailable
from domain.ids import UserId
from domain.limits import Limits
from domain.segments import Place
from storage import keys
from storage.own_acts import acts_from
from storage.ports.cache import CacheStore
from storage.read_through import ReadThrough
from storage.sizes import Sizes
from storage.values import C, CountsForm
from telemetry import metrics

_RECOUNTED_MAX = 16
"""Tweets or users of one page whose sets are counted anew."""


class Counts(Generic[C]):
    """Counts of one kind, corrected for one reader by what they did.

    A count that may lack the reader's own act is not believed: where they acted its set is counted anew, for this
    reader alone, as the counters will write what is right for all. On a page with too many of them the change is
    added; should the count hold the act already, it is off by one until the counters come by.
    """

    def __init__(
        self,
        cache: CacheStore,
        limits: Limits,
        form: CountsForm[C],
        sizes: Sizes,
        missing_acts: Callable[[str], bytes],
    ) -> None:
        self._cache = cache
        self._missing_acts = missing_acts
        self._form: CountsForm[C] = form
        self._sizes = sizes
        self.shared = ReadThrough(cache, limits, kind="counts", key=form.key, load=self._load)
        """As all readers see them."""

    async def of(self, cached: Mapping[int, bytes | None], noted: bytes | None, viewer: UserId | None) -> dict[int, C]:
        """Counts as a viewer must see them, from what was `cached` of each and `noted` of their own acts."""
        found = await self.shared.fill_missing(cached)
        counts = {id_: self._form.alone(value) for id_, value in found.items()}
        if viewer is not None and (noted := noted or self._missing_acts(keys.own_acts(viewer))):
            await self._correct(noted, found, counts)
        return counts

    async def _correct(self, noted: bytes, found: Mapping[int, bytes], counts: dict[int, C]) -> None:
        acts = acts_from(noted, found)
        recounted: dict[int, dict[str, list[Place]]] = {}
        for id_ in acts:
            counted = self._form.counted(found[id_])
            changes = defaultdict[str, int](int)
            places = defaultdict[str, list[Place]](list)
            for name, change, member, noted_us in acts[id_]:
                if noted_us >= counted.began_us(name) or not change:  # a repeated one is perhaps not in the log yet
                    changes[name] += change
                    places[name].append(place_of(name, member))
            if places and len(recounted) < _RECOUNTED_MAX:
                recounted[id_] = places
            for name, change in changes.items():
                counts[id_] = counts[id_]._replace(**{name: getattr(counts[id_], name) + change})
        if recounted:
            metrics.SAFEGUARDS.record(sum(map(len, recounted.values())), safeguard="own_count")
            all_ = await asyncio.gather(*(self._sizes.read(id_, places) for id_, places in recounted.items()))
            for id_, sizes in zip(recounted, all_, strict=True):
                counts[id_] = counts[id_]._replace(**{name: size.size for name, size in sizes.items()})

    async def _load(self, ids: list[int]) -> dict[int, bytes]:
        try:
            began_us = await self._cache.now_us()
        except (StoreUnavailable, Overloaded):
            began_us = 0  # counted by the adapter; who has done something to these counts does not believe them
        all_ = await asyncio.gather(*(self._sizes.read(id_, dict.fromkeys(self._form.names, ())) for id_ in ids))
        return {
            id_: self._form.renewed(
                None, {name: (size.size, began_us if size.whole else 0) for name, size in sizes.items()}
            )
            for id_, sizes in zip(ids, all_, strict=True)
        }
