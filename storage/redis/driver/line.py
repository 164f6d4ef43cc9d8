"""One connection that all calls of a process share: commands go out as they come, replies come back in that order.

A call costs what its bytes cost. Each of many connections would have to be found free, written to and read from alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
from redis import exceptions as errors
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection

Command = tuple[Any, ...]
Replies = list[Any]

_READ_BYTES = 1 << 16
_LISTEN_S = 0.1
"""Time in which a connection that is suspected may still prove that it lives."""


class Line:
    """A connection that is made when it is needed, and made again after it broke."""

    def __init__(self, make: Callable[[], AbstractConnection]) -> None:
        """`make` gives a connection that is not connected yet."""
        self._make = make
        self._open: _Open | None = None
        self._connecting = asyncio.Lock()

    async def exchange(self, commands: Sequence[Command]) -> Replies:
        """Send commands and get all their replies; an error reply is returned, not raised.

        A caller who stops waiting disturbs nobody: the replies are dropped when they come. Raises redis-py's
        `ConnectionError`; then some of the commands may have been carried out.
        """
        return await (self._open or await self._connect()).send(commands)

    def suspect(self) -> None:
        """A call got no answer in time: close the connection, unless something is heard from it in a moment.

        A server can die without a word; and this process may only have been too busy to listen.
        """
        if (open_ := self._open) is not None:
            asyncio.get_running_loop().call_later(_LISTEN_S, open_.fail_unless_heard, open_.heard)

    async def close(self) -> None:
        """Close the connection; the next use makes it again."""
        if (open_ := self._open) is not None:
            open_.fail("the connection was closed")
            await open_.ended()

    async def _connect(self) -> "_Open":
        async with self._connecting:
            if self._open is None:
                connection = self._make()
                await connection.connect()  # type: ignore[no-untyped-call]
                self._open = _Open(connection, self._forget)
            return self._open

    def _forget(self) -> None:
        self._open = None


class _Open:
    """A connection while it lasts; `forget` is called at its end."""

    def __init__(self, connection: AbstractConnection, forget: Callable[[], None]) -> None:
        reader, writer = connection._reader, connection._writer
        assert reader is not None
        assert writer is not None
        self._connection = connection
        self._reader = reader
        self._writer = writer
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader(protocolError=errors.InvalidResponse, replyError=BaseParser.parse_error)
        self._waiting: deque[tuple[asyncio.Future[Replies], int]] = deque()
        self._replies: Replies = []
        """Those that came already of the first who waits."""
        self._unsent: list[bytes] = []
        self._closed = False
        self.heard = 0
        """Times that something came."""
        self._reading = self._loop.create_task(self._read())

    def send(self, commands: Sequence[Command]) -> "asyncio.Future[Replies]":
        wire = b"".join(map(hiredis.pack_command, commands))
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._waiting.append((replies, len(commands)))
        if not self._unsent:
            self._loop.call_soon(self._flush)  # with what others say meanwhile
        self._unsent.append(wire)
        return replies

    def fail_unless_heard(self, before: int) -> None:
        """End it if nothing came since `heard` was this."""
        if self.heard == before:
            self.fail("the server is silent")

    def fail(self, why: str) -> None:
        """End it: nobody who waits gets an answer."""
        if self._closed:
            return
        self._closed = True
        self._forget()
        self._reading.cancel()
        self._connection._close()  # type: ignore[no-untyped-call]
        while self._waiting:
            replies, _ = self._waiting.popleft()
            if not replies.done():
                replies.set_exception(errors.ConnectionError(why))

    async def ended(self) -> None:
        """Wait until nothing of it runs any more."""
        await asyncio.wait([self._reading])

    def _flush(self) -> None:
        if self._closed:
            return
        self._writer.write(b"".join(self._unsent))  # not drained: calls are bounded in number
        self._unsent.clear()

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(_READ_BYTES):
                self.heard += 1
                self._parser.feed(data)
                self._hand_over()
        except (OSError, errors.InvalidResponse) as error:
            self.fail(str(error))
        else:
            self.fail("the server closed the connection")

    def _hand_over(self) -> None:
        while (reply := self._parser.gets()) is not False:
            if not self._waiting:
                raise errors.InvalidResponse(f"a reply that nobody asked for: {reply!r}")
            self._replies.append(reply)
            replies, wanted = self._waiting[0]
            if len(self._replies) == wanted:
                self._waiting.popleft()
                if not replies.done():  # else nobody waits for it any more
                    replies.set_result(self._replies)
                self._replies = []
