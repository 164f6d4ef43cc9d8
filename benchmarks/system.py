"""The servers of one run: a Cassandra and a Redis of its own and, on them, a whole system; in a temporary folder."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from benchmarks import processes
from cluster import readiness
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess, last_line
from cluster.embedded.ray_environment import ROOT
from cluster.embedded.redis import EmbeddedRedis
from cluster.errors import NotReady
from cluster.settings import Settings, environment
from cluster.state import Endpoints, RunState
from cluster.waiting import wait_until
from domain.limits import DEFAULT
from storage.cassandra.driver import schema
from storage.cassandra.driver.options import CassandraOptions
from storage.stores import StoreConfig

DATA = "data"
_READY_TIMEOUT_S = 180.0
_POLL_S = 0.05
_STOP_S = 20.0


class Servers:
    """Stores first, since the fan-out is measured without a system beside it; the system when it is asked for.

    Use as a context manager, from the main thread: at the end all of it is stopped and, unless something failed, its
    folder removed.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self.settings = settings
        self._say = say
        self._folder = Path(tempfile.mkdtemp(prefix="murmur-bench-"))
        self._ports = PortBlock()
        self._cassandra: CassandraNode | None = None
        self._redis: EmbeddedRedis | None = None
        self._system: ChildProcess | None = None

    def __enter__(self) -> Self:
        self._say("Starting Cassandra and Redis.")
        folder = self._folder / "stores"
        self._cassandra = start_cassandra(folder, self._ports, self.settings.cassandra_heap_mb, self._say)
        self._redis = EmbeddedRedis(folder, self._ports, self.settings.redis_maxmemory_mb)
        self._redis.wait_ready()
        self._cassandra.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._say("Stopping.")
        if self._system is not None:
            self._system.stop(_STOP_S)
        for part in (self._redis, self._cassandra):
            if part is not None:
                part.stop(_STOP_S)
        self._ports.release()
        if error is None:
            shutil.rmtree(self._folder, ignore_errors=True)
        else:
            self._say(f"The logs are kept in {self._folder}.")

    @property
    def redis_url(self) -> str:
        assert self._redis is not None, "enter first"
        return self._redis.url

    def replicas_mib(self) -> int:
        """Memory of the replicas of the HTTP API."""
        assert self._system is not None, "start it first"
        return processes.proportional_mib(self._system.pid)[processes.REPLICAS]

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU that the system and its stores have taken, by name of process."""
        assert self._system is not None, "start it first"
        stores = [part.process for part in (self._cassandra, self._redis) if part is not None]
        roots = (self._system, *stores)
        each = [processes.cpu_s(root.pid) for root in roots]
        return {name: sum(of.get(name, 0.0) for of in each) for name in {name for of in each for name in of}}

    def stores(self, keyspace: str) -> StoreConfig:
        """How to open the stores, with a keyspace that exists and is up to date."""
        assert self._cassandra is not None, "enter first"
        username, password = self._cassandra.login
        options = CassandraOptions(
            contact_points=(self._cassandra.contact_point,),
            keyspace=keyspace,
            consistency=self.settings.cassandra_consistency,
            username=username,
            password=password,
        )
        asyncio.run(schema.migrate(options, schema.Replication(factor=1)))
        return StoreConfig(
            cassandra=options, redis_url=self.redis_url, partitions=self.settings.log_partitions, limits=DEFAULT
        )

    def start_system(self) -> Endpoints:
        """Start a system without rate limits on the stores, with an empty Redis; return when it is ready."""
        assert self._cassandra is not None, "enter first"
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()
        url = f"http://127.0.0.1:{self._ports.port()}"
        self._say("Starting the system.")
        self._system = whole_system(self._folder, url, cassandra=self._cassandra, redis_url=self.redis_url)
        wait_ready(self._system, url)
        return endpoints_of(self._folder)


def endpoints_of(folder: Path) -> Endpoints:
    """Where the parts are of the system that is ready and has its data in this folder."""
    data_dir = folder / DATA
    if not wait_until((data_dir / "run.json").exists, _READY_TIMEOUT_S):
        raise NotReady("The system is ready, but does not say where its parts are.")
    return RunState.read(data_dir).endpoints


def whole_system(
    folder: Path, url: str, *, cassandra: CassandraNode | None = None, redis_url: str = "", checkout: Path = ROOT
) -> ChildProcess:
    """A system without rate limits that begins to start, with its data, and stores that are not given, in a folder.

    It is the system of a checkout, run by this environment's Python.
    """
    username, password = cassandra.login if cassandra else ("", "")
    ours = {
        "MURMUR_HTTP_HOST": "127.0.0.1",
        "MURMUR_HTTP_PORT": url.rpartition(":")[2],
        "MURMUR_DATA_DIR": str(folder / DATA),
        "MURMUR_RATE_LIMITS": "off",
        "MURMUR_LIMITS": "default",
        "MURMUR_CASSANDRA_CONTACT_POINTS": cassandra.contact_point if cassandra else "",
        "MURMUR_CASSANDRA_USERNAME": username,
        "MURMUR_CASSANDRA_PASSWORD": password,
        "MURMUR_REDIS_URL": redis_url,
        "RAY_ADDRESS": "",
        "PYTHONPATH": str(checkout),
    }
    command = [sys.executable, "-m", "cluster", "up"]
    return ChildProcess("Murmur", command, folder / "up.log", {**environment(), **ours}, checkout)


def wait_ready(system: ChildProcess, url: str, look: Callable[[], object] = lambda: None) -> None:
    """Return with its first 200; take a look before each question."""

    def is_ready() -> bool:
        look()
        system.require_running()
        return readiness.ask(url).ready

    if not wait_until(is_ready, _READY_TIMEOUT_S, _POLL_S):
        raise NotReady(f"The system was not ready within {_READY_TIMEOUT_S:.0f} s: {last_line(system.log_path)}")
