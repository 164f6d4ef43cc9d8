"""The connections to Redis: bounded, timed, guarded by a circuit breaker, checked for the server's incarnation."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pybreaker import CircuitBreakerError
from redis import exceptions as errors
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from domain.errors import Overloaded, StoreUnavailable
from storage import keys
from storage.breaker import Breaker
from storage.redis.driver import incarnation
from storage.redis.driver.incarnation import Exchange
from storage.redis.driver.line import Command, Line
from storage.redis.scripts import Script
from telemetry.metrics import STORE_ERRORS

STORE = "redis"
CALLS_MAX = 64
"""Calls under way at once; the others wait."""
WAITING_MAX = 8
"""Calls that wait for new events at once; they have connections of their own, so that they keep nobody waiting."""
TURN_WAIT_S = 0.5
"""Time that a call waits for its turn; then it is `Overloaded`."""
CALL_S = 2.4
"""The time limit of a call, reconnecting included; with the wait for its turn it stays under 3 s."""
CONNECT_S = 1.0
FAILURES_MAX = 5
"""Failures in a row that open the breaker."""
BREAKER_RESET_S = 1.0
_TOKEN_ATTEMPTS_MAX = 3
READ_ATTEMPTS_MAX = 3
"""Times that a read is sent when connections break; a write is sent once."""

REDIRECTIONS = (errors.MovedError, errors.AskError, errors.TryAgainError)
"""Replies of a node of a cluster that say where, or when, to send a command again."""

Result = TypeVar("Result")

_UNAVAILABLE = (errors.OutOfMemoryError, errors.ReadOnlyError, errors.MasterDownError, errors.ClusterDownError)
"""Errors that speak of the server's state, not of the command; so do these words in one."""
_UNAVAILABLE_WORDS = ("OOM command not allowed", "READONLY", "MISCONF", "NOREPLICAS", "BUSY Redis", "LOADING")


class RedisClient:
    """One process's way to one Redis node.

    Every call ends within 3 s (plus the wait it asked for). It raises `StoreUnavailable` when Redis does not answer,
    cannot be reached, or refuses because of its own state (out of memory, read only), `Overloaded` when too many calls
    are under way. After some failures in a row the breaker opens: calls fail at once, but for one that tries.
    """

    has_many_clocks = False

    def __init__(
        self, url: str, *, clustered: bool = False, calls_max: int = CALLS_MAX, waiting_max: int = WAITING_MAX
    ) -> None:
        """Prepare for `redis://`, `rediss://` or `unix://`; connections are made when they are needed.

        One that is `clustered` is a node of a cluster: a reply may be a redirection to another node.
        """
        self._incarnation_key = None if clustered else keys.INCARNATION
        """The key of its incarnation, as the last connection found it."""
        self._clustered = clustered
        self._pool = connection_pool(url, self._greet)
        self._waiting_free = asyncio.Semaphore(waiting_max)
        self._idle: list[Line] = []
        """Lines of calls that wait, while none does."""
        self._line = Line(self.new_connection)
        self._free = asyncio.Semaphore(calls_max)
        self._breaker = Breaker(
            lambda error: isinstance(error, StoreUnavailable),
            lambda error: not isinstance(error, StoreUnavailable | asyncio.CancelledError),
            failures_max=FAILURES_MAX,
            reset_s=BREAKER_RESET_S,
        )

    async def run(self, commands: Sequence[Command], *, repeat: bool = False, wait_ms: int = 0) -> list[Any]:
        """Send commands in one trip and get their replies as RESP2 gives them: int, bytes, None or list.

        A command is a tuple of str, bytes, int and float; a script's comes from `Script.call`. Reads may be sent again
        (`repeat`) after a connection broke; `wait_ms` is how long the commands themselves may block. Raises the first
        reply that is an error; all the others have taken effect then.
        """
        if not commands:
            return []
        free, exchange = (self._waiting_free, self._alone) if wait_ms else (self._free, self._line.exchange)
        await (_turn(free) if free.locked() else free.acquire())
        try:
            until_s = asyncio.get_running_loop().time() + CALL_S + wait_ms / 1000
            found = partial(_replies, commands, partial(exchange, until_s=until_s), repeat, self._clustered)
            return await self.guarded(found)
        finally:
            free.release()

    async def incarnation(self) -> str:
        """The token of this life of the server; a new one is made if it was lost."""
        for _ in range(_TOKEN_ATTEMPTS_MAX):
            (token,) = await self.run([("GET", await self.incarnation_key())], repeat=True)
            if isinstance(token, bytes):
                return token.decode()
            await self._check_anew()
        raise unavailable("other", "the incarnation is lost again and again")

    async def close(self) -> None:
        await self._line.close()
        for line in self._idle:
            await line.close()

    def new_connection(self) -> AbstractConnection:
        """A connection, not yet connected, for whoever keeps one to itself."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return connection

    async def guarded(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Do what talks to Redis: by leave of the breaker, and with `StoreUnavailable` for what redis-py raises."""
        try:
            with self._breaker.guarding():
                try:
                    return await act()
                except (TimeoutError, OSError, errors.RedisError) as error:
                    if (cause := _cause_of(error)) is None:
                        raise
                    raise unavailable(cause, str(error) or "no answer in time") from error
        except CircuitBreakerError as error:
            raise unavailable("breaker_open", str(error)) from None

    async def incarnation_key(self) -> str:
        """The key that holds the token."""
        if self._incarnation_key is None:
            await self._check_anew()
        if self._incarnation_key is None:
            raise unavailable("other", "the node of the cluster holds nothing yet")
        return self._incarnation_key

    async def _check_anew(self) -> None:
        """Make a connection, which checks the incarnation."""
        line, until_s = Line(self.new_connection), asyncio.get_running_loop().time() + CALL_S
        try:
            await self.guarded(partial(line.exchange, [("PING",)], until_s))
        finally:
            await line.close()

    async def _greet(self, connection: AbstractConnection) -> None:
        """Log in, choose the database, check the incarnation; a connection that did not get through it is closed."""
        try:
            await connection.on_connect()
            self._incarnation_key = await incarnation.check(connection, clustered=self._clustered)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    async def _alone(self, commands: Sequence[Command], until_s: float) -> list[Any]:
        """`Exchange` on a line that nobody else uses meanwhile."""
        line = self._idle.pop() if self._idle else Line(self.new_connection)
        try:
            return await line.exchange(commands, until_s)
        except BaseException:
            await line.close()  # nobody shall wait behind what may still be waiting
            raise
        finally:
            self._idle.append(line)


async def _turn(free: asyncio.Semaphore) -> None:
    """Wait for a turn, which the caller gives back."""
    try:
        async with asyncio.timeout(TURN_WAIT_S):
            await free.acquire()
    except TimeoutError:
        raise Overloaded(STORE, retry_after_ms=100) from None


def connection_pool(url: str, greet: Callable[[AbstractConnection], Awaitable[None]] | None) -> ConnectionPool:
    """Makes connections without time limits and retries of their own: those of a call hold for everything in it."""
    return ConnectionPool.from_url(
        url,
        protocol=2,
        decode_responses=False,
        driver_info=None,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_S,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=greet,
    )


async def _replies(commands: Sequence[Command], exchange: Exchange, repeat: bool, clustered: bool) -> list[Any]:
    """Replies to all commands; scripts that the server has forgotten are loaded and run again."""
    for attempt in range(1, READ_ATTEMPTS_MAX if repeat else 1):
        try:
            replies = await exchange(commands)
            break
        except errors.ConnectionError:
            await asyncio.sleep(0.05 * attempt)
    else:
        replies = await exchange(commands)
    forgotten = [at for at, reply in enumerate(replies) if isinstance(reply, errors.NoScriptError)]
    if forgotten:
        sources = {Script.sources[commands[at][1]] for at in forgotten}
        await exchange([("SCRIPT", "LOAD", source) for source in sources])
        again = await exchange([commands[at] for at in forgotten])
        for at, reply in zip(forgotten, again, strict=True):
            replies[at] = reply
    if clustered:
        incarnation.checked([reply for reply in replies if not isinstance(reply, REDIRECTIONS)])
        return replies
    return incarnation.checked(replies)


def _cause_of(error: Exception) -> str | None:
    """The kind of failure of the server that an error speaks of; None if it is a mistake of ours."""
    if isinstance(error, TimeoutError | errors.TimeoutError):
        return "timeout"
    if isinstance(error, errors.ConnectionError | OSError):
        return "unreachable"
    if isinstance(error, (errors.InvalidResponse, *_UNAVAILABLE)):
        return "other"
    return "other" if any(words in str(error) for words in _UNAVAILABLE_WORDS) else None


def unavailable(cause: str, detail: str) -> StoreUnavailable:
    STORE_ERRORS.record(store=STORE, cause=cause)
    return StoreUnavailable(STORE, detail)
