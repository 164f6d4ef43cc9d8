"""Incarnation of a server, one life of its data: nothing that an earlier life wrote is ever read.

A key holds `<run id of the server>:<random>`. A server that came back with old data (from a dump, or as a promoted
replica) has another run id than the one under that key: whoever connects first drops everything. The database must
therefore be ours alone. After FLUSHALL the key is absent, and whoever notices writes a new one.

A node of a cluster has such keys of its own: several, as their slots may move to other nodes.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from redis import exceptions as errors
from redis.asyncio.connection import AbstractConnection
from redis.crc import key_slot

from storage import keys

Exchange = Callable[[Sequence[tuple[Any, ...]]], Awaitable[list[Any]]]
"""Sends commands at once and gets all their replies; an error reply is returned, not raised."""

_ATTEMPTS_MAX = 5
_NAMES = 4
"""Keys of a node in a cluster; it has lost nothing while it has one of them."""
_TRIED_MAX = 100_000


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


async def check(connection: AbstractConnection, *, clustered: bool) -> str | None:
    """Make sure that what a new connection can read was written in this life of the server; the key that says so.

    None for a master that has no slots yet. Raises redis-py's errors; the connection must then not be used.
    """
    ours = partial(exchange, connection)
    names = await _own_names(ours) if clustered else [keys.INCARNATION]
    if not names:
        return None
    for _ in range(_ATTEMPTS_MAX):
        run_id, stored = await _look(ours, names)
        if token := next((token for token in stored if _is_of(token, run_id)), None):
            await ours([("SET", name, token) for name, other in zip(names, stored, strict=True) if other != token])
            return names[0]
        if any(stored):
            await _drop_all(ours, names[0])
        else:
            checked(await ours([("SET", names[0], _token(run_id), "NX")]))
    raise errors.ConnectionError("the incarnation kept changing while it was checked")


async def _own_names(exchange: Exchange) -> list[str]:
    """Keys for the incarnation of a node of a cluster, in slots that it holds and that do not move just now."""
    node, held, (role, *_) = checked(await exchange([("CLUSTER", "MYID"), ("CLUSTER", "SLOTS"), ("ROLE",)]))
    if role != b"master":
        raise errors.ConnectionError("a replica takes no commands")
    slots = {slot for first, last, master, *_ in held if master[2] == node for slot in range(first, last + 1)}
    tried = (f"{keys.INCARNATION}:{n}" for n in range(_TRIED_MAX if slots else 0))
    names = list(islice((name for name in tried if key_slot(name.encode()) in slots), _NAMES))
    found = await exchange([("GET", name) for name in names])
    return [name for name, token in zip(names, found, strict=True) if not isinstance(token, errors.ResponseError)]


async def _look(exchange: Exchange, names: Sequence[str]) -> tuple[bytes, list[bytes | None]]:
    """The server's run id, and what is stored."""
    info, *stored = checked(await exchange([("INFO", "server"), *(("GET", name) for name in names)]))
    lines = bytes(info).splitlines()
    return next(line.partition(b":")[2] for line in lines if line.startswith(b"run_id:")), stored


def _is_of(token: bytes | None, run_id: bytes) -> bool:
    return token is not None and token.partition(b":")[0] == run_id


async def _drop_all(exchange: Exchange, name: str) -> None:
    """Drop everything and write a new token, unless somebody else does."""
    checked(await exchange([("WATCH", name)]))
    run_id, (token,) = await _look(exchange, [name])
    if _is_of(token, run_id):
        checked(await exchange([("UNWATCH",)]))
        return
    checked(await exchange([("MULTI",), ("FLUSHDB", "ASYNC"), ("SET", name, _token(run_id)), ("EXEC",)]))


def _token(run_id: bytes) -> bytes:
    return run_id + b":" + secrets.token_hex(8).encode()


def checked(replies: list[Any]) -> list[Any]:
    """Replies without an error. Raises the first that is one."""
    for reply in replies:
        if isinstance(reply, errors.ResponseError):
            raise reply
    return replies
