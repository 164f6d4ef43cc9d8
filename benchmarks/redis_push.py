"""The yardstick of the fan-out: how many LPUSH a second the same Redis takes.

`redis-benchmark -P 100 lpush` where there is one on PATH. Otherwise a driver that does what it does: 50 connections,
each with 100 encoded LPUSH of one key on the way, the next 100 sent when all have been answered. Both send values of
the size of a timeline's entry.
"""

import re
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import redis

from benchmarks import children
from domain.timeline import ENTRY_BYTES

_CONNECTIONS = 50
_PIPELINE = 100
_KEY = "mylist"
_TIMEOUT_S = 120.0


def redis_benchmark() -> Path | None:
    """The program on PATH, if any."""
    found = shutil.which("redis-benchmark")
    return Path(found) if found else None


def name() -> str:
    """What the yardstick is called in the table."""
    if redis_benchmark():
        return f"redis-benchmark -P {_PIPELINE} -d {ENTRY_BYTES} lpush, same server"
    return (
        f"raw sockets, {_CONNECTIONS} x {_PIPELINE} encoded LPUSH under way, same server (no redis-benchmark on PATH)"
    )


def pushes_per_s(url: str, pushes: int, *, own: bool = False) -> float:
    """LPUSH a second, with redis-benchmark or (without it, or asked for) our own driver; leaves nothing behind."""
    program = None if own else redis_benchmark()
    rate = _with(program, url, pushes) if program else _own(url, pushes)
    with redis.Redis.from_url(url) as client:
        _undo(client, pushes)
    return rate


def one_by_one_per_s(url: str, batches: Sequence[tuple[bytes, int]]) -> float:
    """Commands a second when each batch, encoded and with so many replies, is sent once the one before is answered."""
    begun_s = time.perf_counter()
    with _connection(url) as connection:
        connection.setblocking(False)
        for wire, replies in batches:
            left = memoryview(wire)
            while replies:
                select.select([connection], [connection] if left else [], [])
                with suppress(BlockingIOError):
                    left = left[connection.send(left) :]
                with suppress(BlockingIOError):
                    replies -= connection.recv(1 << 18).count(b"\n")
    return sum(replies for _, replies in batches) / (time.perf_counter() - begun_s)


def redis_py_per_s(url: str, pushes: int) -> float:
    """LPUSH a second of a redis-py pipeline of the same depth over one connection."""
    value = b"x" * ENTRY_BYTES
    with redis.Redis.from_url(url) as client:
        pipeline = client.pipeline(transaction=False)
        begun_s = time.perf_counter()
        for _ in range(0, pushes, _PIPELINE):
            for _ in range(_PIPELINE):
                pipeline.lpush(_KEY, value)
            pipeline.execute()
        took_s = time.perf_counter() - begun_s
        _undo(client, pushes)
    return pushes / took_s


def _undo(client: redis.Redis, pushes: int) -> None:
    length = int(client.llen(_KEY))
    assert length >= pushes, f"only {length} of {pushes} were pushed"
    client.unlink(_KEY)


def _connection(url: str) -> socket.socket:
    """A plain connection, logged in."""
    at = urlsplit(url)
    connection = socket.create_connection((at.hostname or "127.0.0.1", at.port or 6379))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if at.password:
        connection.sendall(f"AUTH {at.password}\r\n".encode())
        said = connection.recv(64)
        assert said == b"+OK\r\n", said
    return connection


def _with(program: Path, url: str, pushes: int) -> float:
    at = urlsplit(url)
    options = ["-p", at.port, "-t", "lpush", "-P", _PIPELINE, "-c", _CONNECTIONS, "-d", ENTRY_BYTES, "-n", pushes, "-q"]
    # The program takes a password nowhere else; it opens a server that is of this run alone.
    command = [str(program), "-h", "127.0.0.1", "-a", at.password or "", *map(str, options)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    found = re.findall(r"([\d.]+) requests per second", ran.stdout)
    assert found, f"no rate in what redis-benchmark said: {ran.stdout[-200:]!r}"
    return float(found[-1])


def _own(url: str, pushes: int) -> float:
    return float(children.run("benchmarks.redis_push", {"url": url, "pushes": pushes})["pushes_per_s"])


def _drive(url: str, pushes: int) -> float:
    """Push at least that often, in whole pipelines."""
    value = b"x" * ENTRY_BYTES
    command = b"*3\r\n$5\r\nLPUSH\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(_KEY), _KEY.encode(), len(value), value)
    pipeline = command * _PIPELINE
    poll = select.epoll()
    connections = {}
    for _ in range(_CONNECTIONS):
        connection = _connection(url)
        connections[connection.fileno()] = connection
        poll.register(connection, select.EPOLLIN)
    unanswered = dict.fromkeys(connections, _PIPELINE)
    unsent = max(0, -(-pushes // _PIPELINE) - _CONNECTIONS)
    begun_s = time.perf_counter()
    for connection in connections.values():
        connection.sendall(pipeline)
    while connections:
        for number, _ in poll.poll():
            connection = connections[number]
            unanswered[number] -= connection.recv(1 << 16).count(b"\n")
            if unanswered[number]:
                continue
            if unsent:
                unsent -= 1
                unanswered[number] = _PIPELINE
                connection.sendall(pipeline)
            else:
                poll.unregister(number)
                del connections[number]
                connection.close()
    return pushes / (time.perf_counter() - begun_s)


if __name__ == "__main__":
    asked = children.specification()
    children.answer({"pushes_per_s": _drive(asked["url"], asked["pushes"])})
