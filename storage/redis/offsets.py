"""Offsets of each consumer of the log: one hash per consumer, with the epoch of whoever claimed it."""

from collections.abc import Mapping

from domain.errors import Fenced
from storage import keys
from storage.redis.driver.cluster import Redis
from storage.redis.scripts import CLAIM, SAVE

_EPOCH = b"epoch"


class RedisOffsetStore:
    """`OffsetStore` on Redis. After a loss of everything a reader must claim again: until then it is `Fenced`."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def claim(self, name: str, epoch: int) -> dict[int, str]:
        (found,) = await self._client.run([CLAIM.call([keys.offsets(name)], epoch)])
        if found is None:
            raise Fenced(name, epoch)
        return _offsets(found)

    async def save(self, names: Mapping[str, int], offsets: Mapping[int, str]) -> None:
        """Each reader's are saved or refused by themselves; one that is refused does not hold up the others."""
        words = [word for item in offsets.items() for word in item]
        saved = await self._client.run(
            [SAVE.call([keys.offsets(name)], epoch, *words) for name, epoch in names.items()]
        )
        for (name, epoch), done in zip(names.items(), saved, strict=True):
            if not done:
                raise Fenced(name, epoch)

    async def offsets(self, name: str) -> dict[int, str]:
        (found,) = await self._client.run([("HGETALL", keys.offsets(name))], repeat=True)
        return _offsets(found)


def _offsets(flat: list[bytes]) -> dict[int, str]:
    """The offsets of a hash, given as field, value, field, value and so on."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {int(partition): offset.decode() for partition, offset in pairs if partition != _EPOCH}
