"""Rows of dataflows: a string of JSON for each, so that any client can read them."""

from collections.abc import Mapping, Sequence

from storage import keys as names
from storage.redis.driver.cluster import Redis
from storage.redis.driver.line import Command

TTL_S = 7 * 86_400
_ROWS_PER_TRIP = 1_000


class RedisOutputStore:
    """`OutputStore` on Redis: gone with it, and a week after they were last written."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        commands: list[Command] = [("SET", names.output(flow, key), row, "EX", TTL_S) for key, row in rows.items()]
        for at in range(0, len(commands), _ROWS_PER_TRIP):
            await self._client.run(commands[at : at + _ROWS_PER_TRIP])

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        if not keys:
            return {}
        (found,) = await self._client.run([("MGET", *(names.output(flow, key) for key in keys))], repeat=True)
        return {key: columns for key, columns in zip(keys, found, strict=True) if columns is not None}
