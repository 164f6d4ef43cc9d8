"""The actor of the supervisor, and the handles by which it asks for the health of others, makes and ends them."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any

import ray
from ray.actor import ActorHandle
from typing_extensions import override

from actors.deployment import placement
from actors.deployment.config import ActorConfig
from actors.deployment.hosts import CLOCK, HostedActor, end_process, hosted_reconciler, make, repeat
from actors.deployment.placement import find
from actors.exporter import Exporter
from actors.hosting import Health, Host, Step
from actors.registry import RECONCILER
from actors.supervision.supervisor import Supervisor
from actors.supervision.worker_groups import WorkerGroup, WorkerGroupSupervisor
from domain.errors import StoreUnavailable
from storage.desired_state import TRENDS_WORKERS, desired
from storage.stores import Stores
from telemetry.logs import logger
from telemetry.ray_calls import ANSWER_S, call_ray

_FLOW_AFTER_S = 10.0
"""The wait before the trends dataflow starts, so that the others start undisturbed: what it does waits in the log."""
_LOOK_EVERY_S = 2.0
_LOOK_AT_FLOW_EVERY_S = 0.5
_MADE_S = 5.0
_END_S = 3.0
"""The time in which one that leaves, or the reconciler, finishes what it began."""


class RayActors:
    """`MonitoredActors` on Ray: one that was found is asked directly, also while Ray's head is away.

    Some are no actors, but hosted here, in this process: it ends when one of them is stuck.
    """

    def __init__(self, config: ActorConfig, here: Mapping[str, Host]) -> None:
        self._config = config
        self._here = here
        self._found: dict[str, ActorHandle[Any]] = {}

    async def health(self, name: str) -> Health | None:
        if (host := self._here.get(name)) is not None:
            return host.health()
        try:
            if (actor := self._found.get(name) or await call_ray(lambda: find(name))) is None:
                return None
            self._found[name] = actor
            health: Health = await asyncio.wait_for(actor.health.remote(), ANSWER_S)
        except ray.exceptions.ActorDiedError:  # for good: the next one of that name is another
            self._found.pop(name, None)
            return None
        except (ray.exceptions.RayError, TimeoutError, StoreUnavailable):
            return None
        return health

    async def restart(self, name: str) -> None:
        if name in self._here:
            end_process()
        elif (actor := await call_ray(lambda: find(name))) is not None:
            await call_ray(lambda: ray.kill(actor, no_restart=False))
        else:
            await call_ray(lambda: make(name, self._config), _MADE_S)

    async def existing_scaled(self) -> Collection[str]:
        return await call_ray(placement.existing_scaled)

    async def nodes(self) -> Mapping[str, bool]:
        return await call_ray(placement.nodes)

    async def make(self, name: str, node: str | None) -> None:
        await call_ray(lambda: make(name, self._config, node), _MADE_S)

    async def end(self, name: str) -> None:
        self._found.pop(name, None)
        if (actor := await call_ray(lambda: find(name))) is None:
            return
        try:
            await asyncio.wait_for(actor.stop.remote(_END_S), _END_S + ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            logger().warning("did not end in order", actor=name, error=str(error))
        await call_ray(lambda: ray.kill(actor))


class SupervisorActor(HostedActor):
    """Hosts the supervisors of the actors and of the trends dataflow, the reconciler, and the cluster's exporter."""

    _supervisor: Supervisor | None = None
    _flow: WorkerGroupSupervisor | None = None

    def __init__(self, name: str, config: ActorConfig, workers: WorkerGroup) -> None:
        self._workers = workers
        super().__init__(name, config)

    @override
    async def _begin(self, stores: Stores, closing: AsyncExitStack) -> Step:
        config, coordination = self._config, stores.ports.coordination
        flow = self._flow = WorkerGroupSupervisor(self._workers, await desired(coordination, TRENDS_WORKERS), CLOCK)
        reconciler = hosted_reconciler(config)
        actors = RayActors(config, {RECONCILER: reconciler})
        supervisor = self._supervisor = Supervisor(actors, (RECONCILER,), coordination, CLOCK)
        exporter = Exporter(
            stores.ports,
            config.stores.partitions,
            supervisor.unhealthy,
            CLOCK,
            host=config.exporter_host,
            port=config.exporter_port,
        )

        async def supervise_flow() -> None:
            await asyncio.sleep(_FLOW_AFTER_S)
            await repeat(flow.step, _LOOK_AT_FLOW_EVERY_S, "trends")

        flow_supervised = asyncio.create_task(supervise_flow())

        async def step(wait_ms: int) -> float:
            flow.desired = await desired(coordination, TRENDS_WORKERS)
            await supervisor.step()
            if flow_supervised.done():
                flow_supervised.result()
            return _LOOK_EVERY_S

        async def finish() -> None:
            flow_supervised.cancel()
            await asyncio.gather(flow.stop(), exporter.close(), asyncio.to_thread(reconciler.stop, _END_S))

        closing.push_async_callback(finish)
        return step

    def unmet(self, shards: int | None, counters: int | None, trends_workers: int | None) -> list[str]:
        """Sentences on what is not yet so, of what is asked about; none when exactly so many run, in health."""
        if self._supervisor is None or self._flow is None:
            return ["the supervisor is not up"]
        return [
            *(self._supervisor.unmet(shards, counters) if (shards, counters) != (None, None) else ()),
            *(self._flow.unmet(trends_workers) if trends_workers is not None else ()),
        ]
