"""Bulk pushes to the nodes of a Redis Cluster, side by side."""

import asyncio
from typing import TypeAlias

import numpy as np

from domain.ids import Ids, UserId
from domain.timeline import Entries, entries_to_wire
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.redis.driver.bulk import BulkConnection, Lengths
from storage.redis.driver.cluster import RedisCluster
from storage.redis.driver.resp import Pushes, tags_of

Bulk: TypeAlias = "BulkConnection | ClusterBulk"
_REDIRECTED = -1


class ClusterBulk:
    """A bulk connection to each node. A push that a node sends on to another goes the way of all other commands."""

    def __init__(self, cluster: RedisCluster) -> None:
        self._cluster = cluster
        self._connections: dict[str, BulkConnection] = {}

    async def push(self, kind: ListKind, users: Ids, entries: Entries, partitions: int) -> tuple[Pushes, Lengths]:
        """Push entries, and get the length of each list afterwards."""
        tags, firsts, tag_of_user = np.unique(tags_of(kind, users, partitions), return_index=True, return_inverse=True)
        samples = [keys.list_key(ListKey(kind, UserId(int(user))), partitions) for user in users[firsts]]
        holders = np.array(await self._cluster.holders(samples))[tag_of_user] if len(tags) else np.array([], dtype=str)
        mine = {str(at): np.flatnonzero(holders == at) for at in np.unique(holders)}
        sent = [self._connection(at).push(kind, users[some], entries[some], partitions) for at, some in mine.items()]
        done = list[tuple[Pushes, Lengths]]()
        for at, outcome in zip(mine, await asyncio.gather(*sent, return_exceptions=True), strict=True):
            if isinstance(outcome, BaseException):
                self._cluster.suspect(at)
                raise outcome
            done.append(outcome)
        owners = np.concatenate([users[:0], *(pushes.owners for pushes, _ in done)])
        sizes = np.concatenate([np.empty(0, np.int64), *(pushes.sizes for pushes, _ in done)])
        lengths = np.concatenate([np.empty(0, np.int64), *(found for _, found in done)])
        for n in np.flatnonzero(lengths == _REDIRECTED).tolist():
            name = keys.list_key(ListKey(kind, UserId(int(owners[n]))), partitions)
            pushed = entries_to_wire(entries[users == owners[n]])
            (lengths[n],) = await self._cluster.run([("LPUSHX", name, *pushed)])
        return Pushes(owners, sizes, iter(())), lengths

    async def close(self) -> None:
        """Close the connections; the next use makes them again."""
        for connection in self._connections.values():
            await connection.close()

    def _connection(self, at: str) -> BulkConnection:
        if (found := self._connections.get(at)) is None:
            found = self._connections[at] = BulkConnection(self._cluster.node(at), redirected=_REDIRECTED)
        return found
