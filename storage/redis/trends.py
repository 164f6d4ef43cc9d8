"""The trends of each window: one hash with a field per place, so that a window changes all at once."""

from collections.abc import Collection, Mapping

from domain.limits import Limits
from storage import keys
from storage.redis.driver.cluster import Redis
from storage.redis.scripts import PUBLISH

_AS_OF = "as_of"
_PLACE = "@"
"""Before the name of every place: no place can be taken for the time, and everywhere has a name too."""


class RedisTrendStore:
    """`TrendStore` on Redis. To be evicted is to be lost: the key has a time to live."""

    def __init__(self, client: Redis, limits: Limits) -> None:
        self._client = client
        self._limits = limits

    async def publish(
        self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None = None
    ) -> bool:
        set_ = [word for place, top in tops.items() for word in (_PLACE + place, top)]
        gone_ = [_PLACE + place for place in gone or ()]
        head = (as_of_ms, self._limits.cache_ttl_s, int(gone is None), len(set_))
        (done,) = await self._client.run([PUBLISH.call([keys.trends(window)], *head, *set_, *gone_)])
        return bool(done)

    async def top(self, window: str, place: str) -> tuple[int, bytes | None] | None:
        ((as_of_ms, top),) = await self._client.run(
            [("HMGET", keys.trends(window), _AS_OF, _PLACE + place)], repeat=True
        )
        return None if as_of_ms is None else (int(as_of_ms), top)
