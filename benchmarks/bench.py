"""What every measurement over HTTP is given: a running system, the yardstick beside it, and worlds to read."""

from dataclasses import dataclass, field

from benchmarks.effort import Effort
from benchmarks.system import Servers
from benchmarks.world import Seeder, Tokens, World
from cluster.state import Endpoints
from storage.stores import StoreConfig, Stores


@dataclass(slots=True, kw_only=True)
class Bench:
    """One running system, ready to be measured. It belongs to one event loop."""

    servers: Servers
    endpoints: Endpoints
    stores: Stores
    yardstick_stores: StoreConfig
    """The same Cassandra with a keyspace that no system reads."""
    effort: Effort
    tokens: Tokens
    seeder: Seeder
    worlds: dict[int, World] = field(default_factory=dict)

    async def world(self, times: int) -> World:
        """The world of this scale, made when it is first asked for: the smaller one is measured before that."""
        if times not in self.worlds:
            self.worlds[times] = await self.seeder.world(self.effort, times)
        return self.worlds[times]
