"""Incarnation of the server, one life of its data: nothing that an earlier life wrote is ever read.

`keys.INCARNATION` holds `<run id of the server>:<random>`. A server that came back with old data (from a dump, or as a
promoted replica) has another run id than the one under that key: whoever connects first drops everything. The
database must therefore be ours alone. After FLUSHALL the key is absent, and whoever notices writes a new one.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from redis import exceptions as errors
from redis.asyncio.connection import AbstractConnection

from storage import keys

Exchange = Callable[[Sequence[tuple[Any, ...]]], Awaitable[list[Any]]]
"""Sends commands at once and gets all their replies; an error reply is returned, not raised."""

_ATTEMPTS_MAX = 5


async def exchange(connection: AbstractConnection, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """`Exchange` over a connection that is ours alone."""
    await connection.send_packed_command(connection.pack_commands(commands))
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(await connection.read_response())
        except errors.ResponseError as error:
            replies.append(error)
    return replies


async def check(connection: AbstractConnection) -> None:
    """Make sure that what a new connection can read was written in this life of the server.

    Raises redis-py's errors; the connection must then not be used.
    """
    ours = partial(exchange, connection)
    for _ in range(_ATTEMPTS_MAX):
        stored, run_id = await _look(ours)
        if stored is None:
            await _renew(ours, run_id)
            return
        if stored.partition(":")[0] == run_id or await _drop_all(ours):
            return
    raise errors.ConnectionError("the incarnation kept changing while it was checked")


async def _renew(exchange: Exchange, run_id: str) -> str:
    """Write a token if there is none, and get the one that holds."""
    _, stored = checked(await exchange([("SET", keys.INCARNATION, _token(run_id), "NX"), ("GET", keys.INCARNATION)]))
    if stored is None:
        raise errors.ConnectionError("the incarnation was lost again while it was renewed")
    return bytes(stored).decode()


async def current(exchange: Exchange) -> str:
    """The token, a new one if there is none."""
    stored, run_id = await _look(exchange)
    return stored if stored is not None else await _renew(exchange, run_id)


async def _look(exchange: Exchange) -> tuple[str | None, str]:
    """The stored token and the server's run id."""
    info, stored = checked(await exchange([("INFO", "server"), ("GET", keys.INCARNATION)]))
    lines = bytes(info).decode().splitlines()
    run_id = next(line.partition(":")[2] for line in lines if line.startswith("run_id:"))
    return None if stored is None else bytes(stored).decode(), run_id


async def _drop_all(exchange: Exchange) -> bool:
    """Drop everything and write a new token, unless somebody else just did; False means: look again."""
    checked(await exchange([("WATCH", keys.INCARNATION)]))
    stored, run_id = await _look(exchange)
    if stored is None or stored.partition(":")[0] == run_id:
        checked(await exchange([("UNWATCH",)]))
        return False
    set_new = ("SET", keys.INCARNATION, _token(run_id))
    replies = checked(await exchange([("MULTI",), ("FLUSHDB", "ASYNC"), set_new, ("EXEC",)]))
    return replies[-1] is not None


def _token(run_id: str) -> str:
    return f"{run_id}:{secrets.token_hex(8)}"


def checked(replies: list[Any]) -> list[Any]:
    """Replies without an error. Raises the first that is one."""
    for reply in replies:
        if isinstance(reply, errors.ResponseError):
            raise reply
    return replies
