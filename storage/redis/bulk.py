"""One connection for bulk pushes: bytes out, numbers back."""

import asyncio

import numpy as np
import numpy.typing as npt
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from storage.redis.client import CALL_S, RedisClient, means_unavailable
from storage.redis.resp import ReplyError, parse_integers

_READ_BYTES = 1 << 18


class BulkConnection:
    """A connection to which encoded commands are written whole; all their replies must be integers.

    One batch is under way at a time. redis-py makes the connection (address, TLS, log-in, database, incarnation), its
    streams are then used directly: parsing a reply at a time would cost more than the push.
    """

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._connection: AbstractConnection = client.new_connection()
        self._turn = asyncio.Lock()

    async def integers(self, wire: bytes, replies: int) -> npt.NDArray[np.int64]:
        """Write commands and get their `replies` integer replies, shape (replies,).

        Raises `StoreUnavailable` within 3 s; some of the commands may have been carried out. `ReplyError` is raised for
        an error that the server's state does not explain.
        """
        if not replies:
            return np.empty(0, dtype=np.int64)
        with self._client.answering():
            async with asyncio.timeout(CALL_S), self._turn:
                answer = await self._exchange(wire, replies)
            try:
                return parse_integers(answer)
            except ReplyError as error:
                if means_unavailable(str(error)):
                    raise ResponseError(str(error)) from error
                raise

    async def close(self) -> None:
        """Close the connection; the next use makes it again."""
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, wire: bytes, replies: int) -> bytes:
        if self._connection.is_connected and await self._connection.can_read():
            await self.close()  # it ended while nobody used it
        await self._connection.connect()  # type: ignore[no-untyped-call]
        reader, writer = self._connection._reader, self._connection._writer
        assert reader is not None
        assert writer is not None
        parts: list[bytes] = []
        missing = replies
        try:
            writer.write(wire)  # not drained: replies are read meanwhile, and a batch is bounded
            while missing > 0:
                part = await reader.read(_READ_BYTES)
                if not part:
                    raise RedisConnectionError("the connection was closed")
                parts.append(part)
                missing -= part.count(b"\n")
        except BaseException:
            await self.close()  # replies may still be on their way
            raise
        assert missing == 0, "more replies than commands"
        return b"".join(parts)
