"""Look-ups that are asked for side by side go to Redis in one trip.

What a trip costs this process is mostly the trip: its connection, its time limit, the breaker. So while a few are under
way, what is asked for waits for the next, and all of it goes together. At rest nothing waits.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from domain.errors import StoreUnavailable
from storage.redis.client import CONNECTION_WAIT_S, Command, RedisClient

_TRIPS_MAX = 2
_COMMANDS_MAX = 256
"""Commands of one trip, and those of the last call in it."""


class _Call(NamedTuple):
    commands: Sequence[Command]
    replies: "asyncio.Future[list[Any]]"
    asked_s: float


class Together:
    """Sends look-ups: commands that read, and may be sent again."""

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._waiting: deque[_Call] = deque()
        self._trips: dict[asyncio.Task[list[Any]], list[_Call]] = {}

    async def run(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to some commands. Raises as `RedisClient.run` does, within 3 s."""
        if not commands:
            return []
        loop = asyncio.get_running_loop()
        call = _Call(commands, loop.create_future(), loop.time())
        self._waiting.append(call)
        self._start()
        return await call.replies

    def _start(self) -> None:
        while self._waiting and len(self._trips) < _TRIPS_MAX:
            calls: list[_Call] = []
            commands: list[Command] = []
            while self._waiting and len(commands) < _COMMANDS_MAX:
                call = self._waiting.popleft()
                if not call.replies.done():  # else nobody waits for it any more
                    calls.append(call)
                    commands += call.commands
            if calls:
                trip = asyncio.ensure_future(self._client.run(commands, repeat=True))
                self._trips[trip] = calls
                trip.add_done_callback(self._arrived)

    def _arrived(self, trip: "asyncio.Task[list[Any]]") -> None:
        calls = self._trips.pop(trip)
        if trip.cancelled():
            for call in calls:
                call.replies.cancel()
        elif (error := trip.exception()) is not None:
            self._fail(calls, error)
        else:
            at = 0
            for call in calls:
                if not call.replies.done():
                    call.replies.set_result(trip.result()[at : at + len(call.commands)])
                at += len(call.commands)
        self._start()

    def _fail(self, calls: Sequence[_Call], error: BaseException) -> None:
        """Fail the calls of a trip; if the store is away, also those that have waited too long for another try."""
        late: list[_Call] = []
        if isinstance(error, StoreUnavailable):
            until_s = asyncio.get_running_loop().time() - CONNECTION_WAIT_S
            while self._waiting and self._waiting[0].asked_s <= until_s:
                late.append(self._waiting.popleft())
        for call in (*calls, *late):
            if not call.replies.done():
                call.replies.set_exception(error)
