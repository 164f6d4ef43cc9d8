"""The workers of trends as Ray actors: the only module of this package that knows Ray."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

import ray
from ray.actor import ActorHandle

from dataflows.execution import snapshot_folder
from dataflows.trends.flow import STATE_VERSION
from dataflows.trends.worker import FlowWorker, WorkerStatus, free_address
from domain.clock import SystemClock
from domain.errors import StoreUnavailable
from storage.stores import StoreConfig
from telemetry import logs, metrics
from telemetry.logs import logger
from telemetry.ray_backend import RayBackend
from telemetry.ray_calls import ANSWER_S, call_ray, node_affinity

NAMESPACE = "murmur"
WORKERS_MAX = 16
_BEGIN_S = 20.0
_GONE_S = 10.0
_PREFIX = "trends-"
_CALLS_AT_ONCE = 4
_DEAD = WorkerStatus(running=False, error="a worker died")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendsConfig:
    """Configuration of every worker. `snapshots` is a folder that every node which may run a worker can see."""

    stores: StoreConfig
    snapshots: Path
    log_level: str


class TrendsWorkerActor(FlowWorker):
    """Hosts one worker."""

    def __init__(self, name: str, config: TrendsConfig) -> None:
        logs.configure(name, config.log_level)
        metrics.install(RayBackend())
        super().__init__(config.stores, config.snapshots, SystemClock())

    def address(self) -> str:
        """The address at which this worker will listen for its peers."""
        return free_address(str(ray.util.get_node_ip_address()))


class TrendsWorkerGroup:
    """The workers of trends (`WorkerGroup` of `actors.supervision`); travels to its supervisor before it is used."""

    def __init__(self, config: TrendsConfig, nodes: Callable[[], Collection[str]]) -> None:
        """`nodes` are those that workers may run on; they are spread over them."""
        self._config = config
        self._nodes = nodes
        self._workers: list[ActorHandle[Any]] = []

    async def start(self, workers: int, *, fresh: bool) -> None:
        assert 1 <= workers <= WORKERS_MAX
        try:
            kept = snapshot_folder(self._config.snapshots, STATE_VERSION, fresh=fresh)
            config = replace(self._config, snapshots=kept)
            self._workers = await call_ray(lambda: self._made(workers, config), _BEGIN_S)
            found = [worker.address.remote() for worker in self._workers]
            addresses: list[str] = await asyncio.wait_for(asyncio.gather(*found), _BEGIN_S)
            begun = [worker.run.remote(addresses, index) for index, worker in enumerate(self._workers)]
            await asyncio.wait_for(asyncio.gather(*begun), ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError, ValueError, OSError) as error:  # a name still taken, a full disk
            raise StoreUnavailable("ray", f"the workers of trends did not start: {error}") from error

    async def statuses(self) -> Sequence[WorkerStatus | None]:
        return await asyncio.gather(*map(_status, self._workers))

    async def stop(self, timeout_s: float) -> None:
        stopping: list[Any] = [asyncio.wait_for(w.stop.remote(timeout_s), timeout_s + ANSWER_S) for w in self._workers]
        for outcome in await asyncio.gather(*stopping, return_exceptions=True):
            if isinstance(outcome, BaseException):
                logger().warning("a worker of trends did not end in order", error=str(outcome))
        await self.kill()

    async def kill(self) -> None:
        left = [*self._workers, *await call_ray(lambda: list(_of_an_earlier_life()))]
        for worker in left:
            await call_ray(partial(ray.kill, worker))
        deadline_s = asyncio.get_running_loop().time() + _GONE_S
        while not all([await _status(worker) == _DEAD for worker in left]):
            if asyncio.get_running_loop().time() > deadline_s:
                raise StoreUnavailable("ray", "a worker of trends does not end")
            await asyncio.sleep(0.05)
        self._workers = []

    def _made(self, workers: int, config: TrendsConfig) -> "list[ActorHandle[Any]]":
        host: Any = ray.remote(TrendsWorkerActor)
        places = cycle(sorted(self._nodes()) or [None])
        return [
            host.options(
                name=name,
                namespace=NAMESPACE,
                lifetime="detached",
                num_cpus=0.1,
                max_restarts=0,
                max_concurrency=_CALLS_AT_ONCE,
                scheduling_strategy=node_affinity(next(places)),
            ).remote(name, config)
            for name in (f"{_PREFIX}{index}" for index in range(workers))
        ]


def _of_an_earlier_life() -> "Iterator[ActorHandle[Any]]":
    """Workers whose supervisor died."""
    for found in ray.util.list_named_actors(all_namespaces=True):
        if found["namespace"] == NAMESPACE and found["name"].startswith(_PREFIX):
            with suppress(ValueError):  # it ended just now
                yield ray.get_actor(found["name"], NAMESPACE)


async def _status(worker: "ActorHandle[Any]") -> WorkerStatus | None:
    try:
        status: WorkerStatus = await asyncio.wait_for(worker.status.remote(), ANSWER_S)
    except ray.exceptions.ActorDiedError:
        return _DEAD
    except (ray.exceptions.RayError, TimeoutError):
        return None
    return status
