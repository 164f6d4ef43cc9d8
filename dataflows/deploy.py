"""The workers of trends as Ray actors: the only module of this package that knows Ray."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from bytewax.recovery import init_db_dir
from ray.actor import ActorHandle

from dataflows.worker import FlowWorker, WorkerStatus, free_address
from domain.clock import SystemClock
from domain.errors import StoreUnavailable
from storage.opening import StoreConfig
from telemetry import logs, metrics
from telemetry.ray_backend import RayBackend

NAMESPACE = "murmur"
WORKERS_MAX = 16
_SNAPSHOT_PARTITIONS = 8
"""Files over which snapshots are spread; fixed once a folder is made."""
_ANSWER_S = 2.0
_BEGIN_S = 20.0
_GONE_S = 10.0


class TrendsWorkerActor:
    """Hosts one worker."""

    def __init__(self, name: str, config: "TrendsFleet") -> None:
        logs.configure(name, config.log_level)
        metrics.install(RayBackend())
        self._worker = FlowWorker(config.stores, config.snapshots, SystemClock())

    def address(self) -> str:
        """Where this worker will listen for its peers."""
        return free_address(str(ray.util.get_node_ip_address()))

    def run(self, addresses: list[str], index: int) -> None:
        """Begin, as one of several."""
        self._worker.run(addresses, index)

    def status(self) -> WorkerStatus:
        """How it is."""
        return self._worker.status()

    def stop(self, timeout_s: float) -> bool:
        """End in order."""
        return self._worker.stop(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendsFleet:
    """The workers of trends (`actors.flow_supervisor.Fleet`); a value that travels to its supervisor.

    `snapshots` is a folder that every node which may run a worker can see.
    """

    stores: StoreConfig
    snapshots: Path
    log_level: str

    async def start(self, workers: int) -> None:
        assert 1 <= workers <= WORKERS_MAX
        if not any(self.snapshots.glob("*.sqlite3")):
            self.snapshots.mkdir(parents=True, exist_ok=True)
            init_db_dir(self.snapshots, _SNAPSHOT_PARTITIONS)
        handles: list[Any] = [
            ray.remote(TrendsWorkerActor)
            .options(
                name=worker_name(index),
                namespace=NAMESPACE,
                lifetime="detached",
                num_cpus=0.1,
                max_restarts=0,
                max_concurrency=4,
                scheduling_strategy="SPREAD",
            )
            .remote(worker_name(index), self)
            for index in range(workers)
        ]
        try:
            addresses = list(await asyncio.wait_for(_all(handle.address.remote() for handle in handles), _BEGIN_S))
            await asyncio.wait_for(_all(h.run.remote(addresses, index) for index, h in enumerate(handles)), _ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            raise StoreUnavailable("ray", f"the workers of trends did not start: {error}") from error

    async def statuses(self) -> Sequence[WorkerStatus | None]:
        return await asyncio.gather(*(_status(handle) for handle in _handles()))

    async def stop(self, timeout_s: float) -> None:
        stopping = [asyncio.wait_for(_answer(h.stop.remote(timeout_s)), timeout_s + _ANSWER_S) for h in _handles()]
        await asyncio.gather(*stopping, return_exceptions=True)
        await self.kill()

    async def kill(self) -> None:
        handles = _handles()
        for handle in handles:
            ray.kill(handle)
        deadline = asyncio.get_running_loop().time() + _GONE_S
        while any([await _status(handle) is not None for handle in handles]):
            if asyncio.get_running_loop().time() > deadline:
                raise StoreUnavailable("ray", "a worker of trends does not end")
            await asyncio.sleep(0.05)


def worker_name(index: int) -> str:
    """The name of a worker."""
    return f"trends-{index}"


def _handles() -> "list[ActorHandle[Any]]":
    found = []
    for index in range(WORKERS_MAX):
        try:
            found.append(ray.get_actor(worker_name(index), NAMESPACE))
        except ValueError:
            continue
    return found


async def _status(handle: "ActorHandle[Any]") -> WorkerStatus | None:
    try:
        status: WorkerStatus = await asyncio.wait_for(_answer(handle.status.remote()), _ANSWER_S)
    except (ray.exceptions.RayError, TimeoutError):
        return None
    return status


async def _answer(reference: Any) -> Any:
    return await reference


async def _all(references: Any) -> Any:
    return await asyncio.gather(*references)
