"""The actors of the system: the only module of this package that knows Ray.

Each hosts one component in a thread of its own, so that it always answers when it is asked how it is. Ray starts a
dead one again (`max_restarts`); a stuck one is found by the supervisor.
"""

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

import ray
from ray._private.state import available_resources_per_node
from ray._private.state import state as ray_state
from ray.actor import ActorHandle
from typing_extensions import override

from actors.counters import READER as COUNTERS_READER
from actors.counters import Counters
from actors.exporter import Exporter
from actors.fanout_shard import FanoutShard, reader_name
from actors.flow_supervisor import Fleet, FlowSupervisor
from actors.hosting import Component, Health, Host, Reader
from actors.reconciler import Reconciler
from actors.supervisor import Supervisor, Watched
from domain.clock import SystemClock
from domain.errors import EngineError, StoreUnavailable
from domain.ids import RANGES
from storage.desired_state import TRENDS_WORKERS, desired, is_shard, shard_names
from storage.head import ANSWER_S, asked_of_ray, placed_on
from storage.stores import StoreConfig, Stores, open_stores
from telemetry import logs, metrics
from telemetry.logs import logger
from telemetry.ray_backend import RayBackend

NAMESPACE = "murmur"
COUNTERS, RECONCILER, SUPERVISOR = "counters", "reconciler", "supervisor"
_MADE_S = 5.0
_SETTLE_S = 0.1
"""How long counters collect events before they count: many likes of one tweet are counted once."""
_RELEASE_EVERY_S = 60.0
_LOOK_EVERY_S = 1.0
"""How often the reconciler compares the last seconds, and the supervisor asks how everybody is."""
_FLOW_AFTER_S = 10.0
"""When the trends dataflow is first looked at: only so that the others start undisturbed."""
_END_S = 3.0
"""How long a shard that leaves may take to finish what it read."""
_CALLS_AT_ONCE = 4
_CPUS = 0.1
"""Of Ray's logical ones, for each."""
_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorConfig:
    """What every actor is given."""

    stores: StoreConfig
    log_level: str
    exporter_host: str
    exporter_port: int
    """Where the cluster's exporter listens, wherever the supervisor is."""


class _Hosted:
    """An actor's process: its logs, its metrics and the component's host."""

    def __init__(self, name: str, config: ActorConfig) -> None:
        logs.configure(name, config.log_level)
        metrics.install(RayBackend())
        self._host = Host(name, lambda: self._open(name, config), _CLOCK, lambda: os._exit(1))
        self._node = ray.get_runtime_context().get_node_id()

    async def _open(self, name: str, config: ActorConfig) -> Component:
        raise NotImplementedError

    def health(self) -> Health:
        """How the component is, and where."""
        return replace(self._host.health(), node=self._node)

    def stop(self, timeout_s: float) -> bool:
        """End the component in order."""
        return self._host.stop(timeout_s)


class FanoutShardActor(_Hosted):
    """Hosts a fan-out shard."""

    @override
    async def _open(self, name: str, config: ActorConfig) -> Component:
        stores = await open_stores(config.stores)
        shard = FanoutShard(
            name,
            **_log_ports(stores, config),
            relations=stores.ports.relations,
            cache=stores.ports.cache,
            offsets=stores.ports.offsets,
            letters=stores.ports.dead_letters,
        )

        async def step(wait_ms: int) -> None:
            await shard.step(wait_ms)
            if not shard.ranges:
                await asyncio.sleep(wait_ms / 1000)

        return Reader(name, stores, _CLOCK, step, shard.drain)


class CountersActor(_Hosted):
    """Hosts the counters."""

    @override
    async def _open(self, name: str, config: ActorConfig) -> Component:
        stores = await open_stores(config.stores)
        counters = Counters(
            _CLOCK.now_ms(),
            **_log_ports(stores, config),
            relations=stores.ports.relations,
            counts=stores.ports.counts,
            cache=stores.ports.cache,
            offsets=stores.ports.offsets,
            letters=stores.ports.dead_letters,
        )
        releasing = asyncio.create_task(self._release(counters))

        async def step(wait_ms: int) -> None:
            await counters.step(wait_ms)
            if releasing.done():
                releasing.result()
            await asyncio.sleep(_SETTLE_S)

        async def finish() -> None:
            releasing.cancel()

        return Reader(name, stores, _CLOCK, step, finish)

    async def _release(self, counters: Counters) -> None:
        """Let go of pulled authors for ever, beside the counters, as there may be many to look at."""
        while True:
            await asyncio.sleep(_RELEASE_EVERY_S)
            try:
                await counters.release_pulled()
            except EngineError as error:
                logger().warning("will try again", actor=COUNTERS, error=str(error))


class ReconcilerActor(_Hosted):
    """Hosts the reconciler."""

    @override
    async def _open(self, name: str, config: ActorConfig) -> Component:
        stores = await open_stores(config.stores)
        reconciler = Reconciler(
            **_log_ports(stores, config),
            offsets=stores.ports.offsets,
            letters=stores.ports.dead_letters,
            readers=(COUNTERS_READER, *map(reader_name, range(RANGES))),
        )

        async def step(wait_ms: int) -> None:
            await reconciler.step(wait_ms)
            if not reconciler.behind:
                await asyncio.sleep(_LOOK_EVERY_S)

        return Reader(name, stores, _CLOCK, step)


class SupervisorActor(_Hosted):
    """Hosts the supervisor of the actors and that of the trends dataflow, and the cluster's exporter beside them."""

    _supervisor: Supervisor | None = None
    _flow: FlowSupervisor | None = None

    def __init__(self, name: str, config: ActorConfig, fleet: Fleet) -> None:
        self._fleet = fleet
        super().__init__(name, config)

    @override
    async def _open(self, name: str, config: ActorConfig) -> Component:
        stores = await open_stores(config.stores)
        coordination = stores.ports.coordination
        others = {other: _Remote(other, config) for other in (COUNTERS, RECONCILER)}
        supervisor = self._supervisor = Supervisor(_ShardActors(config), others, coordination, _CLOCK)
        flow = self._flow = FlowSupervisor(self._fleet, await desired(coordination, TRENDS_WORKERS), _CLOCK)
        exporter = Exporter(
            stores,
            config.stores.partitions,
            supervisor.unhealthy,
            _CLOCK,
            host=config.exporter_host,
            port=config.exporter_port,
        )
        keeping = asyncio.create_task(self._keep(flow))

        async def step(wait_ms: int) -> None:
            flow.wanted = await desired(coordination, TRENDS_WORKERS)
            await supervisor.step()
            if keeping.done():
                keeping.result()
            await asyncio.sleep(_LOOK_EVERY_S)

        async def finish() -> None:
            keeping.cancel()
            await asyncio.gather(flow.stop(), exporter.close())

        return Reader(name, stores, _CLOCK, step, finish)

    def unmet(self, shards: int | None, trends_workers: int | None) -> list[str]:
        """What is not yet so, of what is asked about; empty when so many run, in health, and no others."""
        if self._supervisor is None or self._flow is None:
            return ["the supervisor is not up"]
        return [
            *(self._supervisor.unmet(shards) if shards is not None else ()),
            *(self._flow.unmet(trends_workers) if trends_workers is not None else ()),
        ]

    async def _keep(self, flow: FlowSupervisor) -> None:
        """Look at the dataflow for ever, beside the supervisor, as its start takes seconds.

        It comes last: what it does waits in the log, while readiness waits for the others.
        """
        await asyncio.sleep(_FLOW_AFTER_S)
        while True:
            try:
                await flow.step()
            except EngineError as error:
                logger().warning("will try again", flow="trends", error=str(error))
            await asyncio.sleep(_LOOK_EVERY_S / 2)


def _log_ports(stores: Stores, config: ActorConfig) -> dict[str, Any]:
    """What every follower of the log is given."""
    return {
        "log": stores.ports.log,
        "events": stores.ports.events,
        "coordination": stores.ports.coordination,
        "clock": _CLOCK,
        "limits": config.stores.limits,
        "partitions": config.stores.partitions,
    }


class _Remote:
    """An actor, as the supervisor watches it: once found, it is asked directly, also while Ray's head is away."""

    def __init__(self, name: str, config: ActorConfig) -> None:
        self._name = name
        self._config = config
        self._actor: ActorHandle[Any] | None = None

    async def health(self) -> Health | None:
        try:
            if self._actor is None:
                self._actor = await asked_of_ray(lambda: _found(self._name))
            if self._actor is None:
                return None
            health: Health = await asyncio.wait_for(self._actor.health.remote(), ANSWER_S)
        except ray.exceptions.ActorDiedError:  # for good: the next one of that name is another
            self._actor = None
            return None
        except (ray.exceptions.RayError, TimeoutError, StoreUnavailable):
            return None
        return health

    async def restart(self) -> None:
        if (actor := await asked_of_ray(lambda: _found(self._name))) is not None:
            await asked_of_ray(lambda: ray.kill(actor, no_restart=False))
        else:
            await asked_of_ray(lambda: _make(self._name, self._config), _MADE_S)


class _ShardActors:
    """The fan-out shards' actors (`actors.supervisor.Shards`)."""

    def __init__(self, config: ActorConfig) -> None:
        self._config = config

    async def there(self) -> Collection[str]:
        return await asked_of_ray(_shards_there)

    async def nodes(self) -> Mapping[str, bool]:
        return await asked_of_ray(nodes)

    def watched(self, name: str) -> Watched:
        return _Remote(name, self._config)

    async def make(self, name: str, node: str | None) -> None:
        await asked_of_ray(lambda: _make(name, self._config, node=node), _MADE_S)

    async def end(self, name: str) -> None:
        if (actor := await asked_of_ray(lambda: _found(name))) is None:
            return
        try:
            await asyncio.wait_for(actor.stop.remote(_END_S), _END_S + ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            logger().warning("did not end in order", actor=name, error=str(error))
        await asked_of_ray(lambda: ray.kill(actor))


def nodes() -> dict[str, bool]:
    """The nodes that actors may run on, and whether there is room for one more; none that `ray drain-node` named."""
    leaving = ray_state.get_draining_nodes()
    free = available_resources_per_node()
    return {
        node["NodeID"]: free.get(node["NodeID"], {}).get("CPU", 0.0) >= _CPUS
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0.0) > 0 and node["NodeID"] not in leaving
    }


def _shards_there() -> list[str]:
    """The names of all shards that exist, wanted or not."""
    found = ray.util.list_named_actors(all_namespaces=True)
    return [actor["name"] for actor in found if actor["namespace"] == NAMESPACE and is_shard(actor["name"])]


_CLASSES: Mapping[str, type[_Hosted]] = {
    COUNTERS: CountersActor,
    RECONCILER: ReconcilerActor,
    SUPERVISOR: SupervisorActor,
}


def start(config: ActorConfig, fleet: Fleet, shards: int) -> None:
    """Make every actor that does not exist yet. They outlive the driver, and come up on their own.

    `fleet` are the workers of the trends dataflow, of which the supervisor keeps some running. It would make the shards
    too, but later.
    """
    places = cycle(sorted(nodes()) or [None])
    for name in (*shard_names(shards), COUNTERS, RECONCILER):
        _make(name, config, node=next(places))
    _make(SUPERVISOR, config, fleet)


def _make(name: str, config: ActorConfig, *more: Any, node: str | None = None) -> None:
    """Make an actor, unless it exists; on that node while that is there, so that no node has all of them."""
    options: dict[str, Any] = {
        "name": name,
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "num_cpus": _CPUS,
        "max_restarts": -1,
        "max_concurrency": _CALLS_AT_ONCE,
        "scheduling_strategy": placed_on(node),
    }
    ray.remote(_CLASSES.get(name, FanoutShardActor)).options(**options).remote(name, config, *more)


def stop(timeout_s: float) -> None:
    """Drain and end every actor that is there: the supervisor first, so that it makes and revives nobody."""
    _stop([SUPERVISOR], timeout_s)
    _stop([*_shards_there(), COUNTERS, RECONCILER], timeout_s)


def _stop(names: Sequence[str], timeout_s: float) -> None:
    handles = [handle for name in names if (handle := _found(name)) is not None]
    stopping: list[Any] = [handle.stop.remote(timeout_s) for handle in handles]
    if stopping:
        ray.wait(stopping, num_returns=len(stopping), timeout=timeout_s)
    for handle in handles:
        ray.kill(handle)


def _found(name: str) -> "ActorHandle[Any] | None":
    try:
        return ray.get_actor(name, NAMESPACE)
    except ValueError:
        return None
