"""The way to a Redis Cluster: the same calls, each command sent to the node that holds its key."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import exceptions as errors
from redis.crc import key_slot

from domain.errors import StoreUnavailable
from storage import keys
from storage.redis.driver import incarnation
from storage.redis.driver.client import REDIRECTIONS, RedisClient, connection_pool, unavailable
from storage.redis.driver.line import Command

Redis: TypeAlias = "RedisClient | RedisCluster"

_SLOTS = 16_384
_FOLLOWED_MAX = 10
"""Times that a command is sent again to where nodes say it belongs."""
_WAIT_S = 0.02
_POLL_S = 0.025
"""The interval in which a reader that waits for events looks: no call of Redis waits for keys of several nodes."""
_LOOK_EVERY_S = 0.2
"""The shortest time between two looks at which node holds what."""
_LOOK_S = 0.5
"""The time limit for asking one node for that."""
_RUN_S = 2.8
"""The time limit of a call, whatever nodes say."""
_KEY_AT = {"EVALSHA": 3}
"""The place of a command's key, if it is not the first word after its name."""


def is_cluster(url: str) -> bool:
    """True if a URL is that of a cluster."""
    return ("cluster", "true") in parse_qsl(urlsplit(url).query)


@dataclass(slots=True)
class _Part:
    """A command whose keys are in one slot, and the reply to it."""

    slot: int
    command: Command
    asks_incarnation: bool = False
    reply: Any = None


class RedisCluster:
    """One process's way to a Redis Cluster, with the calls of `RedisClient`, of which it has one for each node.

    A command of several keys is sent key by key. Commands of one slot keep their order; when a node sends one of them
    on to another, those after it are carried out once more. The incarnation is that of the nodes that hold the keys of
    the command before it.
    """

    has_many_clocks = True

    def __init__(self, url: str) -> None:
        """Prepare for `redis://user:password@host:port,host:port/?cluster=true`; some of the nodes are enough."""
        self._url = url
        self._nodes: dict[str, RedisClient] = {}
        self._holders: list[str] = []
        """The address of the node that holds each slot; empty before the first look."""
        self._outdated = True
        self._suspect = ""
        """The node that did not answer last."""
        self._looking = asyncio.Lock()
        self._looked_s = -math.inf

    async def run(self, commands: Sequence[Command], *, repeat: bool = False, wait_ms: int = 0) -> list[Any]:
        """`RedisClient.run`; one that waits looks again and again whether the first command finds something."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + wait_ms / 1000
        while True:
            try:
                async with asyncio.timeout(_RUN_S):
                    found = await self._run(commands, repeat)
            except TimeoutError:
                raise unavailable("timeout", "the nodes did not answer in time") from None
            if not wait_ms or found[0] or loop.time() >= until_s:
                return found
            await asyncio.sleep(_POLL_S)

    async def incarnation(self) -> str:
        """The tokens of all nodes; new ones are made where they were lost."""
        await self._look()
        return " ".join(await asyncio.gather(*map(self._incarnation_of, sorted(set(self._holders)))))

    async def close(self) -> None:
        for node in self._nodes.values():
            await node.close()

    async def holders(self, keys_: Sequence[str]) -> list[str]:
        """The address of the node that holds each of some keys."""
        await self._look()
        return [self._holders[_slot(key)] for key in keys_]

    def suspect(self, at: str) -> None:
        """A node does not answer: another one may hold its slots soon."""
        self._suspect = at
        self._outdated = True

    def node(self, at: str) -> RedisClient:
        """The way to one node."""
        if (node := self._nodes.get(at)) is None:
            node = self._nodes[at] = RedisClient(_url_of(self._url, at), clustered=True)
        return node

    async def _run(self, commands: Sequence[Command], repeat: bool) -> list[Any]:
        if self._outdated:
            await self._look()
        split, parts = [], list[_Part]()
        for command in commands:
            parts = self._parts_of(command, parts)
            split.append(parts)
        all_parts = [part for parts in split for part in parts]
        await self._send(all_parts, repeat)
        for part in _to_follow(all_parts):
            await self._follow(part, repeat)
        replies = ([part.reply for part in parts] for parts in split)
        return [_joined(command[0], found) for command, found in zip(commands, replies, strict=True)]

    def _parts_of(self, command: Command, before: Sequence[_Part]) -> list[_Part]:
        name, *words = command
        if words == [keys.INCARNATION]:
            slots = {self._holders[part.slot]: part.slot for part in before}.values()
            return [_Part(slot, command, asks_incarnation=True) for slot in slots]
        if name in ("MGET", "UNLINK"):
            single = "GET" if name == "MGET" else name
            return [_Part(_slot(key), (single, key)) for key in words]
        if name == "XREAD":
            at = words.index("STREAMS")
            head = words[: words.index("BLOCK")] if "BLOCK" in words else words[:at]
            middle = (at + 1 + len(words)) // 2
            pairs = zip(words[at + 1 : middle], words[middle:], strict=True)
            return [_Part(_slot(stream), (name, *head, "STREAMS", stream, offset)) for stream, offset in pairs]
        return [_Part(_slot(words[_KEY_AT.get(name, 1) - 1] if words else keys.CHANGES), command)]

    async def _send(self, parts: Sequence[_Part], repeat: bool) -> None:
        by_node = defaultdict[str, list[_Part]](list)
        for part in parts:
            by_node[self._holders[part.slot]].append(part)
        sent = [self._send_to(at, some, repeat) for at, some in by_node.items()]
        if len(sent) == 1:
            await sent[0]
            return
        for outcome in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _send_to(self, at: str, parts: Sequence[_Part], repeat: bool) -> None:
        node = self.node(at)
        try:
            for part in parts:
                if part.asks_incarnation:
                    part.command = ("GET", await node.incarnation_key())
            replies = await node.run([part.command for part in parts], repeat=repeat)
        except StoreUnavailable:
            self.suspect(at)
            raise
        for part, reply in zip(parts, replies, strict=True):
            part.reply = reply

    async def _incarnation_of(self, at: str) -> str:
        try:
            return await self.node(at).incarnation()
        except StoreUnavailable:
            self.suspect(at)
            raise

    async def _follow(self, part: _Part, repeat: bool) -> None:
        """Send a command where nodes say that it belongs."""
        for attempt in range(_FOLLOWED_MAX):
            said = part.reply
            if part.asks_incarnation:
                part.reply = (await self._incarnation_of(self._holders[part.slot])).encode()
            elif type(said) is errors.AskError:  # `MovedError` is a kind of it
                at = f"{said.host}:{said.port}"
                _, part.reply = await self.node(at).run([("ASKING",), part.command], repeat=repeat)
            else:
                if isinstance(said, errors.MovedError):
                    self._holders[part.slot] = f"{said.host}:{said.port}"
                    self._outdated = True
                await self._send([part], repeat)
            if not isinstance(part.reply, REDIRECTIONS):
                return
            await asyncio.sleep(_WAIT_S * attempt)
        raise unavailable("other", f"the nodes send a command to each other: {part.reply}")

    async def _look(self) -> None:
        """Learn which node holds what, unless that was done just now."""
        async with self._looking:
            now_s = asyncio.get_running_loop().time()
            if not self._outdated or (self._holders and now_s - self._looked_s < _LOOK_EVERY_S):
                return
            self._looked_s = now_s
            known = dict.fromkeys([*self._nodes, *_seeds(self._url)])
            for at in sorted(known, key=self._suspect.__eq__):
                try:
                    async with asyncio.timeout(_LOOK_S):
                        self._holders = await self._holders_as_seen_by(at)
                except (TimeoutError, OSError, errors.RedisError):
                    continue
                self._outdated = False
                for gone in self._nodes.keys() - self._holders:
                    await self._nodes.pop(gone).close()
                return
            if not self._holders:
                raise unavailable("unreachable", "no node of the cluster answers")

    async def _holders_as_seen_by(self, at: str) -> list[str]:
        connection = connection_pool(_url_of(self._url, at), None).make_connection()  # type: ignore[no-untyped-call]
        try:
            await connection.connect()
            (shards,) = incarnation.checked(await incarnation.exchange(connection, [("CLUSTER", "SLOTS")]))
        finally:
            await connection.disconnect(nowait=True)
        holders = self._holders or [at] * _SLOTS
        for first, last, (host, port, *_), *_ in shards:
            name = host.decode() if host else at.rpartition(":")[0]
            holders[first : last + 1] = [f"{name}:{port}"] * (last + 1 - first)
        return holders


def _slot(key: str | bytes) -> int:
    return int(key_slot(key if isinstance(key, bytes) else key.encode()))


def _to_follow(parts: Sequence[_Part]) -> list[_Part]:
    """The commands that were sent on, and those after them in the same slots."""
    slots = {part.slot for part in parts if isinstance(part.reply, REDIRECTIONS)}
    if not slots:
        return []
    found, begun = [], set[int]()
    for part in parts:
        if part.slot in slots and (part.slot in begun or isinstance(part.reply, REDIRECTIONS)):
            begun.add(part.slot)
            found.append(part)
    return found


def _joined(name: str, replies: list[Any]) -> Any:
    """The reply to a command, from those to its parts."""
    if name == "MGET":
        return replies
    if name == "UNLINK":
        return sum(replies)
    if name == "XREAD":
        return [stream for reply in replies for stream in reply or ()] or None
    if len(replies) == 1:
        return replies[0]
    return None if None in replies else b" ".join(sorted(replies))


def _seeds(url: str) -> list[str]:
    return urlsplit(url).netloc.rpartition("@")[2].split(",")


def _url_of(url: str, at: str) -> str:
    """The URL of one node."""
    parts = urlsplit(url)
    query = urlencode([item for item in parse_qsl(parts.query) if item[0] != "cluster"])
    login, sign, _ = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"{login}{sign}{at}", "/0", query, ""))
