"""One connection for bulk pushes: bytes out, numbers back."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from redis import exceptions as errors
from redis.asyncio.connection import AbstractConnection

from domain.ids import Ids
from domain.timeline import Entries
from storage.ports.cache import ListKind
from storage.redis.driver.client import CALL_S, RedisClient
from storage.redis.driver.resp import Pushes, encode_pushes, parse_integers

Lengths = npt.NDArray[np.int64]
_READ_BYTES = 1 << 18
_NEWLINE = ord("\n")


@dataclass(slots=True)
class _Open:
    """A connection while it lasts."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: bytes = b""
    """Replies that were read already, of whoever reads next."""
    given_up: bool = False
    """True if somebody left replies unread: what comes next is not the next reader's."""
    limits: list[asyncio.Timeout] = field(default_factory=list)
    """The time limits of those who wait for replies."""

    async def read(self) -> bytes:
        """Some bytes; whoever waits for replies may wait longer then, as the server is at work."""
        found = await self.reader.read(_READ_BYTES)
        if not found:
            raise errors.ConnectionError("the connection was closed")
        end_s = asyncio.get_running_loop().time() + CALL_S
        for limit in self.limits:
            if not limit.expired():
                limit.reschedule(end_s)
        return found


class BulkConnection:
    """A connection to which encoded commands are written whole; all their replies must be integers.

    Batches may be written while the replies to earlier ones are on their way. redis-py makes the connection (address,
    TLS, log-in, database, incarnation), its streams are then used directly: parsing a reply at a time would cost more
    than the push.
    """

    def __init__(self, client: RedisClient, *, redirected: int | None = None) -> None:
        """`redirected` stands for the replies of a cluster's node that send a command to another one."""
        self._client = client
        self._redirected = redirected
        self._connection: AbstractConnection = client.new_connection()
        self._open: _Open | None = None
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()

    async def push(self, kind: ListKind, users: Ids, entries: Entries, partitions: int) -> tuple[Pushes, Lengths]:
        """Push entries, and get the length of each list afterwards."""
        pushes = encode_pushes(kind, users, entries, partitions)
        return pushes, await self.integers(pushes.wire, len(pushes.owners))

    async def integers(self, wire: Iterable[bytes], replies: int) -> npt.NDArray[np.int64]:
        """Write commands, each part as soon as it is made, and get their `replies` integer replies, shape (replies,).

        Raises `StoreUnavailable` when nothing is heard of the server for almost 3 s; some of the commands may have been
        carried out. `ResponseError` is raised for an error that the server's state does not explain.
        """
        if not replies:
            return np.empty(0, dtype=np.int64)

        async def exchanged() -> npt.NDArray[np.int64]:
            async with asyncio.timeout(CALL_S) as limit:
                return parse_integers(await self._exchange(wire, replies, limit), redirected=self._redirected)

        return await self._client.guarded(exchanged)

    async def close(self) -> None:
        """Close the connection; the next use makes it again."""
        self._open = None
        await self._connection.disconnect(nowait=True)

    async def _exchange(self, wire: Iterable[bytes], replies: int, limit: asyncio.Timeout) -> bytes:
        open_: _Open | None = None
        try:
            async with self._writing:
                open_ = await self._connected()
                open_.limits.append(limit)
                for part in wire:
                    open_.writer.write(part)  # not drained: batches are bounded
                    await asyncio.sleep(0)  # lets go what the socket did not take at once
            async with self._reading:  # whoever wrote first, as nothing was waited for in between
                return await _lines(open_, replies)
        except BaseException:
            if open_ is not None:
                open_.given_up = True
                if self._open is open_:
                    await self.close()
            raise
        finally:
            if open_ is not None:
                open_.limits.remove(limit)

    async def _connected(self) -> _Open:
        if self._open is not None and self._open.reader.at_eof():
            await self.close()  # it ended while nobody used it
        if self._open is None:
            await self._connection.connect()  # type: ignore[no-untyped-call]
            reader, writer = self._connection._reader, self._connection._writer
            assert reader is not None
            assert writer is not None
            self._open = _Open(reader, writer)
        return self._open


async def _lines(open_: _Open, lines: int) -> bytes:
    """The next so many lines that the server sends."""
    if open_.given_up:
        raise errors.ConnectionError("the connection was given up")
    parts, missing, part = list[bytes](), lines, open_.left
    open_.left = b""
    while (found := part.count(b"\n")) < missing:
        parts.append(part)
        missing -= found
        part = await open_.read()
    end = len(part)
    if found > missing:
        end = int(np.flatnonzero(np.frombuffer(part, np.uint8) == _NEWLINE)[missing - 1]) + 1
    open_.left = part[end:]
    return b"".join([*parts, part[:end]])
