"""The actor of the supervisor."""

import asyncio

from typing_extensions import override

from actors.deployment.config import ActorConfig
from actors.deployment.handles import RayActor, RayShardActors
from actors.deployment.hosts import CLOCK, LOOK_EVERY_S, HostedActor, repeat
from actors.exporter import Exporter
from actors.hosting import Component, HeartbeatLoop
from actors.registry import COUNTERS, RECONCILER
from actors.supervision.supervisor import Supervisor
from actors.supervision.worker_groups import WorkerGroup, WorkerGroupSupervisor
from storage.desired_state import TRENDS_WORKERS, desired
from storage.stores import Stores

_FLOW_AFTER_S = 10.0
"""The wait before the trends dataflow starts, so that the others start undisturbed: what it does waits in the log."""


class SupervisorActor(HostedActor):
    """Hosts the supervisors of the actors and of the trends dataflow, and the cluster's exporter beside them."""

    _supervisor: Supervisor | None = None
    _flow: WorkerGroupSupervisor | None = None

    def __init__(self, name: str, config: ActorConfig, workers: WorkerGroup) -> None:
        self._workers = workers
        super().__init__(name, config)

    @override
    async def _component(self, name: str, config: ActorConfig, stores: Stores) -> Component:
        coordination = stores.ports.coordination
        others = {other: RayActor(other, config) for other in (COUNTERS, RECONCILER)}
        supervisor = self._supervisor = Supervisor(RayShardActors(config), others, coordination, CLOCK)
        flow = self._flow = WorkerGroupSupervisor(self._workers, await desired(coordination, TRENDS_WORKERS), CLOCK)
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
            await repeat(flow.step, LOOK_EVERY_S / 2, "trends")

        flow_supervised = asyncio.create_task(supervise_flow())

        async def step(wait_ms: int) -> None:
            flow.desired = await desired(coordination, TRENDS_WORKERS)
            await supervisor.step()
            if flow_supervised.done():
                flow_supervised.result()
            await asyncio.sleep(LOOK_EVERY_S)

        async def finish() -> None:
            flow_supervised.cancel()
            await asyncio.gather(flow.stop(), exporter.close())

        return HeartbeatLoop(name, stores, CLOCK, step, finish)

    def unmet(self, shards: int | None, trends_workers: int | None) -> list[str]:
        """Sentences on what is not yet so, of what is asked about; none when exactly so many run, in health."""
        if self._supervisor is None or self._flow is None:
            return ["the supervisor is not up"]
        return [
            *(self._supervisor.unmet(shards) if shards is not None else ()),
            *(self._flow.unmet(trends_workers) if trends_workers is not None else ()),
        ]
