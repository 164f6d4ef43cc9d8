"""People who post, delete, follow, mute, like and read over HTTP, whatever happens."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from cluster.client.api import ApiClient
from tests.chaos.history import Call, History
from tests.support.api_user import HOME, PASSWORD, ApiUser, path_of
from tests.support.oracle.answers import Outcome
from tests.support.oracle.oracle import Relation

TAGS = ("rain", "sun", "snow", "fog")
_ACTIONS = (
    *("post",) * 30,
    *("home",) * 30,
    *("follow",) * 10,
    *("unfollow",) * 5,
    *("like",) * 12,
    *("unlike",) * 5,
    *("delete",) * 8,
    *("mute",) * 5,
    *("unmute",) * 4,
)
_PAGE = 50
_PAUSE_S = 0.1
TIMEOUT_S = 10.0
"""How long a caller waits for an answer."""


@dataclass(slots=True)
class Client(ApiUser):
    """One user in one session: one call at a time."""

    faithful: bool = False
    """Whether they follow and unfollow nobody under load. Either makes a timeline anew, and what was lost is there."""
    published: list[int] = field(default_factory=list)
    """What they published and did not try to delete."""


class Load:
    """A context in which clients act; what they, and others through it, did is in the history."""

    def __init__(self, clients: Sequence[Client], history: History, seed: str) -> None:
        self._clients = clients
        self._history = history
        self._random = random.Random(seed)
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._running = [asyncio.create_task(self._act(client)) for client in self._clients]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        await asyncio.gather(*self._running)

    async def last(self, seconds: float) -> None:
        """Go on for a while. Raises what the load raised."""
        done, _ = await asyncio.wait(self._running, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def post(self, client: Client) -> Call:
        """Publish a text that is like no other."""
        number = len(self._history.calls)
        text = f"{client.username} says {number} #{TAGS[number % len(TAGS)]}"
        call = await self._history.call(client, "post", text, ("POST", "/tweets"), json={"text": text})
        if call.outcome is Outcome.ACKNOWLEDGED:
            client.published.append(call.id)
        return call

    async def home(self, client: Client) -> Call:
        """Read the first page of a home timeline."""
        return await self._history.call(client, "home", client.id, ("GET", HOME), params={"limit": str(_PAGE)})

    async def relate(self, client: Client, kind: str, target: int) -> Call:
        """Begin a relation, or end it: `follow` or `unfollow`, `mute` or `unmute`."""
        method, relation = ("DELETE" if kind.startswith("un") else "POST"), Relation(kind.removeprefix("un"))
        return await self._history.call(client, kind, target, (method, path_of(relation, target)))

    async def _act(self, client: Client) -> None:
        while not self._stopped.is_set():
            await self._once(client, self._random.choice(_ACTIONS))
            try:
                await asyncio.wait_for(self._stopped.wait(), self._random.uniform(0, 2 * _PAUSE_S))
            except TimeoutError:
                continue

    async def _once(self, client: Client, action: str) -> None:
        other = self._random.choice([someone for someone in self._clients if someone is not client])
        match action:
            case "post":
                await self.post(client)
            case "home":
                await self.home(client)
            case "follow" | "unfollow" if not client.faithful:
                await self.relate(client, action, other.id)
            case "mute" | "unmute":
                await self.relate(client, action, other.id)
            case "delete" if client.published:
                tweet = client.published.pop(self._random.randrange(len(client.published)))
                await self._history.call(client, "delete", tweet, ("DELETE", f"/tweets/{tweet}"))
            case "like" | "unlike" if other.published:
                await self.relate(client, action, self._random.choice(other.published))
            case _:
                await self.home(client)


async def sign_up(api: ApiClient, prefix: str, count: int) -> list[Client]:
    """New users."""
    names = [f"{prefix}{number}" for number in range(count)]
    return [Client(api, await api.sign_up(name, f"{name}@example.com", PASSWORD)) for name in names]
