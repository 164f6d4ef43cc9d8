"""Dependencies of the service, each with the check by which readiness knows it."""

from collections.abc import Mapping

from domain.clock import Clock
from domain.errors import StoreUnavailable
from serve.operations.readiness import Check, Readiness, Word
from storage import keys
from storage.desired_state import SHARDS, SHARDS_UP, desired, shard_names
from storage.ports import Ports


def readiness_of(ports: Ports, actors: tuple[str, ...], clock: Clock) -> Readiness:
    """Readiness of both stores, of some actors, and of the desired shards; an actor leaves a heartbeat in Redis."""

    async def cassandra() -> Word:
        await ports.coordination.checkpoint("ready")
        return "answers"

    async def redis() -> Word:
        await ports.log.incarnation()
        return "answers"

    def actor(name: str, absent: Word | None = None) -> Check:
        async def check() -> Word:
            _, (beat,) = await ports.cache.fetch((), (keys.heartbeat(name),))
            if beat is not None:
                return "alive"
            if absent is None:
                raise StoreUnavailable(name, "no sign of life in the last seconds")
            return absent

        return check

    async def current_actors() -> Mapping[str, Check]:
        shards = shard_names(await desired(ports.coordination, SHARDS))
        up = await desired(ports.coordination, SHARDS_UP)
        return {
            **{name: actor(name) for name in (*shards[:up], *actors)},
            **{name: actor(name, absent="comes_up") for name in shards[up:]},
        }

    return Readiness({"cassandra": cassandra, "redis": redis}, current_actors, clock)
