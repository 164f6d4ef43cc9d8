"""Hosts: an actor class for a component, which runs in a thread of its own and so answers whenever it is asked.

Ray starts a dead actor again (`max_restarts`); a stuck one is found by the supervisor.
"""

import asyncio
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial

import ray
from typing_extensions import override

from actors.consumers.fanout_shard import FanoutShard
from actors.consumers.log_consumer import LogConsumer
from actors.consumers.pull_threshold import PullThreshold
from actors.deployment.config import ActorConfig
from actors.deployment.placement import place
from actors.hosting import Component, Host, Step
from actors.reconciler.reconciler import Reconciler
from actors.registry import CONSUMERS, COUNTERS, RECONCILER, counters_handlers
from domain.clock import SystemClock
from domain.errors import EngineError
from storage.desired_state import COUNTERS_UP, desired, is_counters, parts_of
from storage.leased_ids import LeasedIds
from storage.stores import Stores, open_stores
from telemetry import logs, metrics
from telemetry.logs import logger
from telemetry.ray_backend import RayBackend

CLOCK = SystemClock()
_COLLECT_S = 0.1
"""The time in which counters collect events before they count: many likes of one tweet are counted once."""
_RELEASE_EVERY_S = 60.0
_COMPARE_EVERY_S = 1.0
"""The interval in which the reconciler compares the last seconds."""


def end_process() -> None:
    """End this process at once: Ray starts its actor again."""
    os._exit(1)


async def _opened(config: ActorConfig, begin: Callable[[Stores, AsyncExitStack], Awaitable[Step]]) -> Component:
    async with AsyncExitStack() as closing:
        stores = await open_stores(config.stores)
        closing.push_async_callback(stores.close)
        step = await begin(stores, closing)
        return Component(step, closing.pop_all().aclose, stores.ports.cache)


class HostedActor(Host, ABC):
    """The process of an actor: its logs, its metrics and the host of its component."""

    def __init__(self, name: str, config: ActorConfig) -> None:
        logs.configure(name, config.log_level)
        metrics.install(RayBackend())
        self._config = config
        node = ray.get_runtime_context().get_node_id()
        super().__init__(name, partial(_opened, config, self._begin), CLOCK, end_process, node)

    @abstractmethod
    async def _begin(self, stores: Stores, closing: AsyncExitStack) -> Step:
        """Make the component: its step, and in `closing` what ends it, before the stores are closed."""


class FanoutShardActor(HostedActor):
    """Hosts a fan-out shard."""

    @override
    async def _begin(self, stores: Stores, closing: AsyncExitStack) -> Step:
        config = self._config.stores
        shard = FanoutShard(self._name, stores.ports, CLOCK, config.limits, config.partitions)
        closing.push_async_callback(shard.drain)

        async def step(wait_ms: int) -> float:
            await shard.step(wait_ms)
            return 0.0 if shard.ranges else wait_ms / 1000

        return step


class CountersActor(HostedActor):
    """Hosts counters."""

    @override
    async def _begin(self, stores: Stores, closing: AsyncExitStack) -> Step:
        config, limits, ports = self._config.stores, self._config.stores.limits, stores.ports
        threshold = PullThreshold(ports, CLOCK, limits)
        handlers = counters_handlers(ports, CLOCK, limits, threshold, LeasedIds(ports.coordination, CLOCK))

        async def parts() -> frozenset[int]:
            return parts_of(self._name, await desired(ports.coordination, COUNTERS_UP))

        async def release() -> None:
            if 0 in await parts():  # for all
                await threshold.release()

        counters = LogConsumer(COUNTERS, handlers, parts, ports, CLOCK, limits, config.partitions)
        releasing = asyncio.create_task(repeat(release, _RELEASE_EVERY_S, self._name))
        closing.callback(releasing.cancel)

        async def step(wait_ms: int) -> float:
            await counters.step(wait_ms)
            if releasing.done():
                releasing.result()
            return _COLLECT_S

        return step


def hosted_reconciler(config: ActorConfig) -> Host:
    """The reconciler in a host of its own, without an actor of its own: it is too little work for a process."""

    async def begin(stores: Stores, _closing: AsyncExitStack) -> Step:
        consumers = [consumer for names in CONSUMERS.values() for consumer in names]
        reconciler = Reconciler(consumers, stores.ports, CLOCK, config.stores.limits, config.stores.partitions)

        async def step(wait_ms: int) -> float:
            await reconciler.step(wait_ms)
            return 0.0 if reconciler.behind else _COMPARE_EVERY_S

        return step

    return Host(RECONCILER, partial(_opened, config, begin), CLOCK, end_process)


async def repeat(turn: Callable[[], Awaitable[None]], every_s: float, actor: str) -> None:
    """Take turns for ever beside a component's own, as they may take long. A store that is away is waited for."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await turn()
        except EngineError as error:
            logger().warning("will try again", actor=actor, error=str(error))


def make(name: str, config: ActorConfig, node: str | None = None) -> None:
    """Make a fan-out shard or counters, unless it exists."""
    place(CountersActor if is_counters(name) else FanoutShardActor, name, config, node=node)
