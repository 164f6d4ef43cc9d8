"""Counts: counts the sets anew that events may have changed, where they may have changed, and caches the sizes."""

import asyncio
import secrets
from collections.abc import Collection, Mapping
from itertools import islice

from typing_extensions import override

from actors.consumers.log_consumer import Batch, Handler, Share
from actors.consumers.pull_threshold import PullThreshold
from domain.counts import TweetCounts, UserCounts, place_of
from domain.ids import UserId
from domain.limits import Limits
from domain.relations import Target
from domain.segments import Place
from storage.ports import Ports
from storage.projections import projection_of
from storage.sizes import Size, Sizes
from storage.values import TWEET_COUNTS, USER_COUNTS, CountsForm

_AT_ONCE = 32
"""Tweets or users whose sets are counted side by side."""
_STEPS = 4
"""Steps of a turn in which the counting of large sets goes on."""
_UNFINISHED_MAX = 1_000
"""Tweets or users with large sets that are not counted yet, beyond which no others are begun."""
_EPOCH_BITS = 40
"""An epoch's recounts bear numbers of so many bits."""

_FORMS: Mapping[Target, CountsForm[TweetCounts] | CountsForm[UserCounts]] = {
    Target.TWEET: TWEET_COUNTS,
    Target.USER: USER_COUNTS,
}
_Subject = tuple[Target, int]
_Places = dict[str, Collection[Place]]
"""The places that may have changed, by the name of their set."""
_NOWHERE: tuple[Place, ...] = ()


class Counts(Handler):
    """Recounts each set once for a batch.

    Nobody else overwrites a count, so those that are cached and did not change need not be counted; but they end at
    their time, so that none stays wrong for long, should a batch have become visible too late. A large set that was
    never counted is counted in steps; its events come again until that is done.
    """

    def __init__(self, ports: Ports, limits: Limits, threshold: PullThreshold) -> None:
        self._cache = ports.cache
        self._sizes = Sizes(ports.counts, limits)
        self._ttl_s = limits.cache_ttl_s
        self._threshold = threshold
        self._stamp = 0
        """The stamp of the last recount: the number of its epoch, and its own."""
        self._unfinished: dict[_Subject, _Places] = {}
        self._written: set[str] = set()
        """Counts of events whose offset is not saved."""

    @override
    async def resume(self, share: Share) -> None:
        """Drop what was written and not saved: it may have overwritten the counts of a later process."""
        self._stamp = max(self._stamp, share.epoch << _EPOCH_BITS)
        self._unfinished.clear()
        if self._written:
            await self._cache.drop(sorted(self._written))
            self._written.clear()

    @override
    def saved(self) -> None:
        self._written.clear()

    @override
    async def handle(self, batch: Batch) -> None:
        touched: dict[_Subject, dict[str, set[Place]]] = {}
        for event in batch.events:
            for target, id_, name, member in projection_of(event).recounts(event):
                if batch.share.has(id_):
                    touched.setdefault((target, id_), {}).setdefault(name, set()).add(place_of(name, member))
        if touched:
            await self._recount({subject: dict(places) for subject, places in touched.items()}, batch.known_us)
        while len(self._unfinished) > _UNFINISHED_MAX:
            await self.advance()

    @override
    async def advance(self) -> bool:
        for _ in range(_STEPS):
            if self._unfinished:
                await self._recount(dict(islice(self._unfinished.items(), _AT_ONCE)), 0)
        return not self._unfinished

    async def _recount(self, touched: Mapping[_Subject, _Places], known_us: int) -> None:
        """Count some sets where they were touched, and all of those that are not cached, and cache them."""
        keys = {subject: _FORMS[subject[0]].key(subject[1]) for subject in touched}
        began_us = known_us or await self._cache.now_us()
        _, values = await self._cache.fetch((), list(keys.values()))
        kept = dict(zip(touched, values, strict=True))
        token, absent = secrets.token_hex(8), [key for subject, key in keys.items() if kept[subject] is None]
        leased = {key for key, taken in zip(absent, await self._cache.lease(absent, token), strict=True) if taken}
        self._stamp += 1
        gate = asyncio.Semaphore(_AT_ONCE)

        async def recount(subject: _Subject) -> dict[str, Size | None]:
            every: _Places = dict.fromkeys(_FORMS[subject[0]].names, _NOWHERE) if kept[subject] is None else {}
            async with gate:
                return await self._sizes.recount(subject[1], every | touched[subject], self._stamp)

        all_ = dict(zip(touched, await asyncio.gather(*map(recount, touched)), strict=True))
        found: dict[str, bytes | None] = {}
        for subject, sizes in all_.items():
            before = self._unfinished.pop(subject, {})
            unfinished: _Places = {name: _NOWHERE for name in {**before, **sizes} if sizes.get(name) is None}
            if unfinished:
                self._unfinished[subject] = unfinished
            anew = {
                name: (size.size, began_us if size.whole else known_us or None) for name, size in sizes.items() if size
            }
            value = kept[subject]
            found[keys[subject]] = None if value is None and unfinished else _FORMS[subject[0]].renewed(value, anew)
        await self._keep(found, leased, token)
        await self._threshold.observe(
            {UserId(id_): size.size for (_, id_), sizes in all_.items() if (size := sizes.get("followers"))}
        )

    async def _keep(self, found: Mapping[str, bytes | None], leased: Collection[str], token: str) -> None:
        """Cache counts: fill those whose lease we hold, which end if there is no value; overwrite the others."""
        whole = {key: value for key, value in found.items() if value is not None}
        self._written |= whole.keys()
        await self._cache.fill({key: value for key, value in whole.items() if key in leased}, token, ttl_s=self._ttl_s)
        await self._cache.update({key: value for key, value in whole.items() if key not in leased})
        await self._cache.drop([key for key in leased if found[key] is None])
