"""The fault that an acceptance run injects into a system of its own: Redis stops answering for a while.

Posts are accepted meanwhile, and their events are committed without reaching the log: only the reconciler's repair can
deliver them. It is a real one: the server process is halted (SIGSTOP) with its connections open, then goes on.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import redis

from cluster.errors import ClusterError


@contextmanager
def redis_halted(redis_url: str, owned: list[psutil.Process]) -> Iterator[None]:
    """Halt the Redis at this address, which must be one of the processes owned."""
    with redis.Redis.from_url(redis_url) as client:
        pid = int(client.info("server")["process_id"])
    process = next((process for process in owned if process.pid == pid), None)
    if process is None:
        where = redis_url.rpartition("@")[2]  # without the password
        raise ClusterError(f"The Redis at {where} is not of this system; it is left alone.")
    process.suspend()
    try:
        yield
    finally:
        process.resume()
