"""A Redis Cluster on this machine: masters, replicas, and what can happen to them."""

import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from cluster.embedded.ports import PortBlock, is_free
from cluster.embedded.redis import find_server
from tests.support.waiting import eventually

_SLOTS = 16_384
_BUS = 10_000
_NODE_TIMEOUT_MS = 1_000
_WITHIN_S = 20.0


class Node:
    """One server of a cluster. It keeps no data, but who it is in the cluster."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.id = ""
        options = {
            "port": port,
            "bind": "127.0.0.1",
            "dir": folder,
            "save": "",
            "cluster-enabled": "yes",
            "cluster-node-timeout": _NODE_TIMEOUT_MS,
            "cluster-require-full-coverage": "no",
            "repl-diskless-sync": "yes",
            "repl-diskless-sync-delay": 0,
        }
        folder.mkdir(parents=True)
        self._words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        return self._process is not None

    async def start(self) -> None:
        """Start it without data; returns when it answers."""
        self._launch()

        async def answers() -> bool:
            try:
                return bool(await self.say("PING"))
            except (RedisError, OSError):
                return False

        await eventually(answers, within_s=_WITHIN_S)
        self.id = (await self.say("CLUSTER", "MYID")).decode()

    def _launch(self) -> None:
        self._process = subprocess.Popen([str(find_server()), *self._words], stdout=subprocess.DEVNULL)

    async def say(self, *words: Any) -> Any:
        """The reply to one command, as the server gives it."""
        client = Redis(port=self.port, single_connection_client=True, protocol=2)
        client.response_callbacks.clear()
        async with client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]

    async def is_master(self) -> bool:
        return self.alive and bytes((await self.say("ROLE"))[0]) == b"master"

    def pause(self) -> None:
        """Stop it where it stands: connections stay open and nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class RedisNodes:
    """A cluster of masters, each with as many replicas."""

    def __init__(self, folder: Path, ports: PortBlock, *, masters: int = 3, replicas: int = 0) -> None:
        """Not started yet."""
        self.nodes = [Node(folder / str(n), _port(ports)) for n in range(masters * (1 + replicas))]
        self._masters = masters

    @property
    def url(self) -> str:
        addresses = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"redis://{addresses}/?cluster=true"

    async def start(self) -> None:
        """Start all of it; returns when it takes commands."""
        await asyncio.gather(*(node.start() for node in self.nodes))
        masters, replicas = self.nodes[: self._masters], self.nodes[self._masters :]
        for n, master in enumerate(masters):
            first, end = (_SLOTS * at // self._masters for at in (n, n + 1))
            await master.say("CLUSTER", "ADDSLOTS", *range(first, end))
            await master.say("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
        for node in self.nodes[1:]:
            await node.say("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port)
        for n, replica in enumerate(replicas):
            await _follow(replica, masters[n % self._masters])
        await self.is_whole()

    async def is_whole(self) -> None:
        """Wait until all nodes know each other, and those that follow have all of it."""

        async def whole() -> bool:
            infos = [await node.say("CLUSTER", "INFO") for node in self.nodes]
            known = f"cluster_known_nodes:{len(self.nodes)}\r\n".encode()
            links = [await node.say("INFO", "replication") for node in self.nodes]
            return all(b"cluster_state:ok" in info and known in info for info in infos) and not any(
                b"master_link_status:down" in link for link in links
            )

        await eventually(whole, within_s=_WITHIN_S)

    async def lose_everything(self) -> None:
        for master in await self.masters():
            await master.say("FLUSHALL")

    async def masters(self) -> list[Node]:
        """Those that live."""
        return [node for node in self.nodes if await node.is_master()]

    async def holder_of(self, slot: int) -> Node:
        """The master that has a slot."""
        for node in await self.masters():
            for first, last, (_, _, id_, *_), *_ in await node.say("CLUSTER", "SLOTS"):
                if first <= slot <= last and id_.decode() == node.id:
                    return node
        raise LookupError(f"nobody has slot {slot}")

    async def replica_of(self, master: Node) -> Node:
        for node in self.nodes:
            if node.alive and not await node.is_master() and (await node.say("ROLE"))[2] == master.port:
                return node
        raise LookupError("it has no replica")

    async def hand_over(self) -> None:
        """Let each master hand over to its replica in order, one after the other."""
        for master in await self.masters():
            replica = await self.replica_of(master)
            await replica.say("CLUSTER", "FAILOVER")
            await self.promoted(replica)
        await self.is_whole()

    async def promoted(self, replica: Node) -> None:
        """Wait until a replica has become a master."""
        await eventually(replica.is_master, within_s=_WITHIN_S)

    async def begin_to_move(self, slot: int) -> tuple[Node, Node]:
        """Begin to move a slot from its master to another: there everything is looked for that is not here any more."""
        source = await self.holder_of(slot)
        target = next(node for node in await self.masters() if node is not source)
        await target.say("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id)
        await source.say("CLUSTER", "SETSLOT", slot, "MIGRATING", target.id)
        return source, target

    async def move(self, slot: int) -> None:
        """Move a slot with its keys from its master to another."""
        source, target = await self.begin_to_move(slot)
        while keys := await source.say("CLUSTER", "GETKEYSINSLOT", slot, 100):
            await source.say("MIGRATE", "127.0.0.1", target.port, "", 0, 1_000, "KEYS", *keys)
        for node in (target, source):
            await node.say("CLUSTER", "SETSLOT", slot, "NODE", target.id)

    def end(self) -> None:
        for node in self.nodes:
            node.kill()


def _port(ports: PortBlock) -> int:
    """A port; nodes talk to each other on the one that is this much higher."""
    return next(port for port in iter(ports.port, None) if is_free(port + _BUS))


async def _follow(replica: Node, master: Node) -> None:
    async def follows() -> bool:
        try:
            return bool(await replica.say("CLUSTER", "REPLICATE", master.id))
        except RedisError:  # it does not know the master yet
            return False

    await eventually(follows, within_s=_WITHIN_S)
