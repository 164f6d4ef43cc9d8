"""One connection that all calls of a process share: commands go out as they come, replies come back in that order.

A call costs what its bytes cost. Each of many connections would have to be found free, written to and read from alone.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import hiredis
from redis import exceptions as errors
from redis._parsers.base import BaseParser
from redis.asyncio.connection import AbstractConnection
from typing_extensions import override

Command = tuple[Any, ...]
Replies = list[Any]

_LISTEN_S = 0.1
"""Time in which a connection that is suspected may still prove that it lives."""


class Line:
    """A connection that is made when it is needed, and made again after it broke."""

    def __init__(self, make: Callable[[], AbstractConnection]) -> None:
        """`make` gives a connection that is not connected yet."""
        self._make = make
        self._open: _Open | None = None
        self._connecting = asyncio.Lock()

    def exchange(self, commands: Sequence[Command], until_s: float) -> Awaitable[Replies]:
        """Send commands and get all their replies; an error reply is returned, not raised.

        A caller who stops waiting disturbs nobody: the replies are dropped when they come. Raises redis-py's
        `ConnectionError`, or `TimeoutError` at a time of the loop's clock; some of the commands may have been carried
        out then.
        """
        if self._open is None or self._open.is_closing():
            return self._connected(commands, until_s)
        return self._open.send(commands, until_s)

    async def close(self) -> None:
        """Close the connection; the next use makes it again."""
        if self._open is not None:
            self._open.fail("the connection was closed")
            await self._open.lost

    async def _connected(self, commands: Sequence[Command], until_s: float) -> Replies:
        async with asyncio.timeout_at(until_s), self._connecting:
            if self._open is None or self._open.is_closing():
                connection = self._make()
                await connection.connect()  # type: ignore[no-untyped-call]
                self._open = _Open(connection)
        return await self._open.send(commands, until_s)


class _Open(asyncio.Protocol):
    """A connection while it lasts."""

    def __init__(self, connection: AbstractConnection) -> None:
        """Take over the transport of a connection that waits for no reply."""
        writer = connection._writer
        assert writer is not None
        self._connection = connection
        self._transport = writer.transport
        self._transport.set_protocol(self)
        self.is_closing = self._transport.is_closing
        self._loop = asyncio.get_running_loop()
        self._parser = hiredis.Reader(protocolError=errors.InvalidResponse, replyError=BaseParser.parse_error)
        self._waiting: deque[tuple[asyncio.Future[Replies], int, float]] = deque()
        """The calls whose replies have not come, with how many these are, and until when they are waited for."""
        self._unsent: list[bytes] = []
        self._replies: Replies = []
        """Those that came already of the first who waits."""
        self._heard = 0
        """Times that something came."""
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_s = math.inf
        self.lost = self._loop.create_future()
        """Done when the transport is closed."""

    def send(self, commands: Sequence[Command], until_s: float) -> "asyncio.Future[Replies]":
        wire = b"".join(map(hiredis.pack_command, commands))
        if not self._unsent:
            self._loop.call_soon(self._flush)  # with what others say meanwhile
        self._unsent.append(wire)
        replies: asyncio.Future[Replies] = self._loop.create_future()
        self._waiting.append((replies, len(commands), until_s))
        if until_s < self._alarm_s:
            self._set_alarm(until_s)
        return replies

    def fail(self, why: str) -> None:
        """End it: nobody who waits gets an answer."""
        self._set_alarm(math.inf)
        self._transport.abort()
        self._connection._close()  # type: ignore[no-untyped-call]
        self._unsent.clear()
        while self._waiting:
            replies, _, _ = self._waiting.popleft()
            if not replies.done():
                replies.set_exception(errors.ConnectionError(why))

    @override
    def data_received(self, data: bytes) -> None:
        self._heard += 1
        self._parser.feed(data)
        try:
            while (reply := self._parser.gets()) is not False:
                self._hand_over(reply)
        except errors.InvalidResponse as error:
            self.fail(str(error))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.fail(str(exc or "the server closed the connection"))
        self.lost.set_result(None)

    def _flush(self) -> None:
        if self._unsent:
            self._transport.write(b"".join(self._unsent))  # never too much: calls are bounded in number
            self._unsent.clear()

    def _hand_over(self, reply: Any) -> None:
        if not self._waiting:
            raise errors.InvalidResponse(f"a reply that nobody asked for: {reply!r}")
        self._replies.append(reply)
        replies, wanted, _ = self._waiting[0]
        if len(self._replies) == wanted:
            self._waiting.popleft()
            if not replies.done():  # else nobody waits for it any more
                replies.set_result(self._replies)
            self._replies = []

    def _set_alarm(self, at_s: float) -> None:
        """Look at the time limits then: one timer serves all calls."""
        if self._alarm:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(at_s, self._end_late_calls) if at_s < math.inf else None
        self._alarm_s = at_s

    def _end_late_calls(self) -> None:
        """Give up the calls whose time is over, and the connection too, unless something is heard from it in a moment.

        A server can die without a word; and this process may only have been too busy to listen.
        """
        now_s = self._loop.time()
        late = [replies for replies, _, until_s in self._waiting if until_s <= now_s and not replies.done()]
        for replies in late:
            replies.set_exception(TimeoutError())
        if late:
            self._loop.call_later(_LISTEN_S, self._fail_unless_heard, self._heard)
        waiting = (until_s for replies, _, until_s in self._waiting if not replies.done())
        self._set_alarm(min(waiting, default=math.inf))

    def _fail_unless_heard(self, before: int) -> None:
        if self._heard == before:
            self.fail("the server is silent")
