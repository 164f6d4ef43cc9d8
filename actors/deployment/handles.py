"""Handles of actors: how the supervisor asks for their health, makes, restarts and ends them."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import ray
from ray.actor import ActorHandle

from actors.deployment import placement
from actors.deployment.config import ActorConfig
from actors.deployment.hosts import make
from actors.deployment.placement import find
from actors.hosting import Health
from actors.supervision.monitored_actors import MonitoredActor
from domain.errors import StoreUnavailable
from telemetry.logs import logger
from telemetry.ray_calls import ANSWER_S, call_ray

_MADE_S = 5.0
_END_S = 3.0
"""The time in which a shard that leaves finishes what it read."""


class RayActor:
    """`MonitoredActor` on Ray: once found, it is asked directly, also while Ray's head is away."""

    def __init__(self, name: str, config: ActorConfig) -> None:
        self._name = name
        self._config = config
        self._actor: ActorHandle[Any] | None = None

    async def health(self) -> Health | None:
        try:
            if self._actor is None:
                self._actor = await call_ray(lambda: find(self._name))
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
        if (actor := await call_ray(lambda: find(self._name))) is not None:
            await call_ray(lambda: ray.kill(actor, no_restart=False))
        else:
            await call_ray(lambda: make(self._name, self._config), _MADE_S)


class RayShardActors:
    """`ShardActors` on Ray."""

    def __init__(self, config: ActorConfig) -> None:
        self._config = config

    async def existing(self) -> Collection[str]:
        return await call_ray(placement.existing_shards)

    async def nodes(self) -> Mapping[str, bool]:
        return await call_ray(placement.nodes)

    def monitored(self, name: str) -> MonitoredActor:
        return RayActor(name, self._config)

    async def make(self, name: str, node: str | None) -> None:
        await call_ray(lambda: make(name, self._config, node), _MADE_S)

    async def end(self, name: str) -> None:
        if (actor := await call_ray(lambda: find(name))) is None:
            return
        try:
            await asyncio.wait_for(actor.stop.remote(_END_S), _END_S + ANSWER_S)
        except (ray.exceptions.RayError, TimeoutError) as error:
            logger().warning("did not end in order", actor=name, error=str(error))
        await call_ray(lambda: ray.kill(actor))
