"""A whole system whose stores are ours, each behind a wire: what happens to them happens to nobody else."""

import asyncio
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import httpx
import psutil
from redis.asyncio import Redis

from cluster import readiness
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess
from cluster.embedded.redis import EmbeddedRedis
from tests.support import faults
from tests.support.connections import Address, Connection, connections
from tests.support.nodes import Nodes, nodes
from tests.support.redis_cluster import RedisNodes
from tests.support.system import RunningSystem, endpoints_of, system_environment
from tests.support.waiting import eventually
from tests.support.wall_clock import WallClock
from tests.support.wire import Wire, wire_to

Store = Literal["cassandra", "redis"]

_ACTOR = re.compile(r"ray::(\w+)")
_SUSPECT = "murmur_redis_suspect_seconds"
_HEAP_MB = 256
_MAXMEMORY_MB = 256
_STOP_S = 20.0
_START_S = 180.0


@dataclass(slots=True)
class Stage:
    """The system, its stores, and the wires between them."""

    folder: Path
    ports: PortBlock
    cassandra: CassandraNode
    redis: EmbeddedRedis
    cassandra_wire: Wire
    redis_wire: Wire
    system: RunningSystem
    clock: WallClock
    """That of all processes of the system, if it runs on no nodes but its own."""
    nodes: Nodes | None
    """Those that it runs on, if it runs on several."""
    redis_nodes: RedisNodes | None
    """The cluster that it uses instead of `redis`, if it does."""
    ups: list[ChildProcess]
    """What was started by `up`, to be ended."""

    @property
    def url(self) -> str:
        return self.system.endpoints.http_url

    def processes(self, title: str) -> list[psutil.Process]:
        """Processes of the system whose title begins so."""
        return faults.processes(self.system, title)

    def pairs(self) -> dict[tuple[str, str], list[Connection]]:
        """The ends of connections inside the system, to its stores and to its clients, by who talks to whom."""
        ends = connections(faults.processes(self.system, ""))
        roles: dict[Address, str] = {end.here: _role(end.pid) for end in ends}
        for store in get_args(Store):
            roles[Address.of(self.wire(store).endpoint)] = store
        found: dict[tuple[str, str], list[Connection]] = defaultdict(list)
        for end in ends:
            one, other = sorted((roles[end.here], roles.get(end.there, "client")))
            found[one, other].append(end)
        return found

    def wire(self, store: Store) -> Wire:
        """What is between the system and a store."""
        return {"cassandra": self.cassandra_wire, "redis": self.redis_wire}[store]

    async def ready(self) -> bool:
        return await self.unready() is None

    async def unready(self) -> str | None:
        """Why it is not ready; None if it is."""
        found = await asyncio.to_thread(readiness.ask, self.url)
        return None if found.ready else found.summary()

    async def suspects_redis(self) -> str | None:
        """The reason to suspect Redis, as the cluster's exporter tells it; None if there is none."""
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.system.environment['MURMUR_EXPORTER_PORT']}/metrics")
            except httpx.TransportError as error:
                return f"the exporter does not answer ({type(error).__name__})"
        said = [line for line in answer.text.splitlines() if line.startswith(_SUSPECT)]
        return None if f"{_SUSPECT} 0.0" in said else f"the exporter says {said}"

    def to_redis(self) -> Redis:
        """A connection past the wire, for whatever an operator may do."""
        return Redis.from_url(self.redis.operator_url)

    async def restart_redis(self, *, keep_files: bool) -> None:
        """`kill -9`, and another one in its place; with its files it knows what was when it last saved."""
        if keep_files:
            async with self.to_redis() as client:
                await client.save()
        psutil.Process(self.redis.process.pid).kill()
        self.redis.process.stop(_STOP_S)
        dump = self.folder / "redis" / "dump.rdb"
        if not keep_files:
            dump.unlink(missing_ok=True)
        self.redis = EmbeddedRedis(self.folder, self.ports, _MAXMEMORY_MB)
        await asyncio.to_thread(self.redis.wait_ready)
        self.redis_wire.target = f"127.0.0.1:{self.redis.port}"

    async def restart_up(self) -> None:
        """`kill -9` of `up`, and another one: what it has deployed on nodes that are not its own went on meanwhile."""
        psutil.Process(self.system.process.pid).kill()
        self.system.process.stop(_STOP_S)
        self.system = await _up(self.folder, self.system.environment, self.system.folder, self.ups)

    async def stop_cassandra(self) -> None:
        """In order, as an operator does."""
        await asyncio.to_thread(self.cassandra.stop, _STOP_S)

    async def start_cassandra(self) -> None:
        """Again, on the same data."""
        self.cassandra = start_cassandra(self.folder, self.ports, _HEAP_MB, _quiet)
        await asyncio.to_thread(self.cassandra.wait_ready)
        self.cassandra_wire.target = self.cassandra.contact_point


@asynccontextmanager
async def stage(on_nodes: int = 0, *, on_redis_cluster: bool = False, **settings: str) -> AsyncIterator[Stage]:
    """Stores and a system on them, ready, on so many nodes or on none but its own; all of it is gone afterwards.

    On several nodes there is a shard and a replica for each. A Redis Cluster has three masters and three replicas, and
    no wire. Call it on the main thread.
    """
    if on_nodes:
        spread = {"fanout_shards": str(on_nodes), "serve_replicas": str(on_nodes), "trends_workers": "2"}
        settings = {"http_host": "0.0.0.0", **spread, **settings}  # so that nodes reach each other's replicas
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="murmur-chaos-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        ports = PortBlock()
        stack.callback(ports.release)
        cassandra = start_cassandra(folder, ports, _HEAP_MB, _quiet)
        redis = EmbeddedRedis(folder, ports, _MAXMEMORY_MB)
        found: list[Stage] = []

        def stop_stores() -> None:
            for part in (found[0].redis, found[0].cassandra) if found else (redis, cassandra):
                part.stop(_STOP_S)

        stack.callback(stop_stores)
        redis.wait_ready()
        cassandra.wait_ready()
        cassandra_wire = await stack.enter_async_context(wire_to(cassandra.contact_point))
        redis_wire = await stack.enter_async_context(wire_to(f"127.0.0.1:{redis.port}"))
        redis_url, redis_nodes = f"redis://:{redis.password}@{redis_wire.endpoint}/0", None
        if on_redis_cluster:
            redis_nodes = RedisNodes(folder / "redis-nodes", ports, replicas=1)
            stack.callback(redis_nodes.end)
            await redis_nodes.start()
            redis_url = redis_nodes.url
        username, password = cassandra.login
        environment = stack.enter_context(
            system_environment(
                cassandra_contact_points=cassandra_wire.endpoint,
                cassandra_username=username,
                cassandra_password=password,
                redis_url=redis_url,
                exporter_port=str(ports.port()),
                **settings,
            )
        )
        checkout = folder / "checkout"
        clock = WallClock(checkout)
        cluster = await stack.enter_async_context(nodes(folder / "nodes", on_nodes)) if on_nodes else None
        if cluster is not None:
            environment = {**environment, **cluster.environment}
        ups: list[ChildProcess] = []
        stack.push_async_callback(asyncio.to_thread, _stop, ups)
        system = await _up(folder, environment, checkout, ups)
        made = Stage(
            folder, ports, cassandra, redis, cassandra_wire, redis_wire, system, clock, cluster, redis_nodes, ups
        )
        found.append(made)
        await eventually(made.ready, bool, within_s=_START_S)
        yield made


async def _up(folder: Path, environment: Mapping[str, str], checkout: Path, ups: list[ChildProcess]) -> RunningSystem:
    """A system that is up. Not `started`: while it waits, nothing would pass through the wires."""
    process = ChildProcess("Murmur", [sys.executable, "-m", "cluster", "up"], folder / "up.log", environment, checkout)
    ups.append(process)
    endpoints = await asyncio.to_thread(endpoints_of, process, Path(environment["MURMUR_DATA_DIR"]))
    return RunningSystem(process, endpoints, environment, checkout)


def _stop(ups: list[ChildProcess]) -> None:
    for process in ups:
        process.stop(_STOP_S)


def _role(pid: int) -> str:
    """What a process is, whichever of its kind."""
    try:
        process = psutil.Process(pid)
        actor = _ACTOR.match(" ".join(process.cmdline()))
        return actor[1] if actor else process.name()
    except psutil.NoSuchProcess:
        return "gone"


def _quiet(_what: str) -> None:
    """What is being fetched or started interests nobody here."""
