"""People who post, delete, follow, unfollow, like and read over HTTP, whatever happens."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx

from tests.chaos.history import Call, History, Outcome
from tests.support.people import PASSWORD

TAGS = ("rain", "sun", "snow", "fog")
_ACTIONS = (
    *("post",) * 30,
    *("home",) * 30,
    *("follow",) * 10,
    *("unfollow",) * 5,
    *("like",) * 12,
    *("unlike",) * 5,
    *("delete",) * 8,
)
_PAGE = 50
_PAUSE_S = 0.1
TIMEOUT_S = 10.0
"""How long a caller waits for an answer."""


@dataclass(slots=True)
class Client:
    """One user in one session: one call at a time."""

    id: int
    username: str
    token: str
    faithful: bool = False
    """Whether they follow and unfollow nobody under load. Either makes a timeline anew, and what was lost is there."""
    tweets: list[int] = field(default_factory=list)
    """What they published and did not try to delete."""


class Load:
    """A context in which clients act; what they, and others through it, did is in the history."""

    def __init__(self, api: httpx.AsyncClient, clients: Sequence[Client], history: History, seed: str) -> None:
        self._api = api
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
        call = await self._call("post", client, text, ("POST", "/tweets"), {"text": text})
        if call.outcome is Outcome.ACKNOWLEDGED:
            client.tweets.append(call.id)
        return call

    async def home(self, client: Client) -> Call:
        """Read the first page of a home timeline."""
        return await self._call("home", client, client.id, ("GET", "/timeline/home"), params={"limit": str(_PAGE)})

    async def follow(self, client: Client, other: Client, *, on: bool = True) -> Call:
        """Follow somebody, or no longer."""
        kind, method = ("follow", "POST") if on else ("unfollow", "DELETE")
        return await self._call(kind, client, other.id, (method, f"/users/{other.id}/follow"))

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
                await self.follow(client, other, on=action == "follow")
            case "delete" if client.tweets:
                tweet = client.tweets.pop(self._random.randrange(len(client.tweets)))
                await self._call("delete", client, tweet, ("DELETE", f"/tweets/{tweet}"))
            case "like" | "unlike" if other.tweets:
                tweet = self._random.choice(other.tweets)
                await self._call(
                    action, client, tweet, ("POST" if action == "like" else "DELETE", f"/tweets/{tweet}/like")
                )
            case _:
                await self.home(client)

    async def _call(
        self,
        kind: str,
        client: Client,
        subject: int | str,
        request: tuple[str, str],
        json: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
    ) -> Call:
        return await self._history.call(
            self._api, kind, client.id, subject, request, token=client.token, json=json, params=params
        )


def api_of(url: str) -> httpx.AsyncClient:
    """A client without patience: what is not answered in time is not known."""
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, trust_env=False)


async def sign_up(api: httpx.AsyncClient, prefix: str, count: int) -> list[Client]:
    """New users."""
    made = []
    for number in range(count):
        name = f"{prefix}{number}"
        body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        answer = await api.post("/api/v1/auth/register", json=body)
        assert answer.status_code == 201, answer.text
        made.append(Client(int(answer.json()["user"]["id"]), name, answer.json()["access_token"]))
    return made


async def log_in(api: httpx.AsyncClient, client: Client) -> None:
    """A new access token: one is good for a quarter of an hour."""
    answer = await api.post("/api/v1/auth/login", json={"login": client.username, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    client.token = answer.json()["access_token"]
