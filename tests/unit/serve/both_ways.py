"""Two worlds alike, of which one has no direct routes, and requests that are asked of both."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.ids import SessionId
from domain.relations import FOLLOW, LIKE, RETWEET
from domain.users import User
from serve.accounts.key_ring import KeyRing
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import AccessTokens
from serve.app import build_app
from serve.areas import ROUTERS
from serve.http.access import AccessControl
from serve.http.origins import Origins
from serve.http.rate_limits import Guard, RateLimits
from serve.tweets.commands import Draft
from storage.redis.rate_limits import LocalRateLimiter
from tests.memory.sessions import MemoryTokenStore
from tests.memory.users import MemoryUserStore
from tests.simulation.stores import EVERYBODY
from tests.unit.actors.engine import Engine
from tests.unit.serve import replica as replicas
from tests.unit.serve.replica import ALICE, BOB, Replica

Headers = tuple[tuple[bytes, bytes], ...]
LIVE, ENDED = SessionId(1), SessionId(2)
TWEETS = "/api/v1/tweets"
JSON = ((b"content-type", b"application/json"),)
MANY = RateLimits(**{each.name: 100_000 for each in fields(RateLimits)})


@dataclass(frozen=True)
class Asked:
    """A request, and whether it is plain."""

    method: str
    path: str
    headers: Headers = ()
    query: bytes = b""
    chunks: tuple[bytes, ...] = (b"",)
    plain: bool = False


@dataclass
class Answer:
    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class Noting:
    """Notes what comes as far as FastAPI."""

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self._app = app
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._seen.append(scope["path"])
        await self._app(scope, receive, send)


class World:
    """A service on stores in memory, in which something has happened; the same each time."""

    def __init__(
        self,
        keys: Path,
        rates: RateLimits,
        *,
        direct: bool,
        engine: Engine | None = None,
        users: Iterable[User] = EVERYBODY,
    ) -> None:
        self.engine = engine or Engine()
        self.replica = Replica(self.engine, MemoryUserStore(self.engine.tables, users), self.engine.limits)
        self.tokens = AccessTokens(KeyRing(keys, self.engine.clock), self.engine.clock)
        self.sessions = SessionRegistry(self.replica.cache, MemoryTokenStore(self.engine.clock), self.engine.limits)
        guard = Guard(LocalRateLimiter(self.engine.clock, 1_000), self.engine.clock, rates, Origins())
        access = AccessControl(self.tokens, self.sessions, guard)
        self.api: FastAPI = build_app(self.replica.use_cases.including(guard, access), ROUTERS)
        around = [each for each in self.api.user_middleware if direct or "routes" not in each.kwargs]
        self.seen: list[str] = []
        """The addresses of requests that came as far as FastAPI."""
        self.api.user_middleware = [*around, Middleware(Noting, seen=self.seen)]

    async def begin(self) -> None:
        post, relations = self.replica.post, self.replica.relations
        tweets = [await post(ALICE, Draft(text=f"number {number}")) for number in range(12)]
        self.tweet, self.gone = tweets[3], tweets[4]
        self.reply = await post(BOB, Draft(text="a reply", reply_to=self.tweet))
        await relations.turn_on(FOLLOW, BOB, ALICE)
        await relations.turn_on(LIKE, BOB, self.tweet)
        await relations.turn_on(RETWEET, BOB, self.tweet)
        await self.replica.commands.delete(ALICE, self.gone)
        await self.sessions.end(ENDED)

    async def ask(self, asked: Asked) -> Answer:
        chunks = [
            {"type": "http.request", "body": chunk, "more_body": at + 1 < len(asked.chunks)}
            for at, chunk in enumerate(asked.chunks)
        ]
        messages: Iterator[Message] = iter([*chunks, {"type": "http.disconnect"}])
        answer = Answer()

        async def receive() -> Message:
            return next(messages)

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": asked.method,
            "path": asked.path,
            "query_string": asked.query,
            "headers": [(b"x-request-id", b"one-id"), *asked.headers],
            "client": ("203.0.113.9", 4711),
            "server": ("murmur", 80),
        }
        await self.api(scope, receive, send)
        return answer


class Both:
    """The two worlds."""

    def __init__(self, keys: Path, rates: RateLimits) -> None:
        self.direct, self.other = World(keys, rates, direct=True), World(keys, rates, direct=False)

    async def same(self, asked: Asked) -> Answer:
        """The answer of both."""
        self.direct.seen.clear()
        answer = await self.direct.ask(asked)
        assert answer == await self.other.ask(asked), asked
        assert self.direct.seen == ([] if asked.plain else [asked.path]), asked
        return answer


async def begun(keys: Path, rates: RateLimits, monkeypatch: pytest.MonkeyPatch) -> Both:
    monkeypatch.setattr(replicas, "_workers", itertools.repeat(9))  # so that both make the same ids
    worlds = Both(keys, rates)
    await worlds.direct.begin()
    await worlds.other.begin()
    assert worlds.direct.reply == worlds.other.reply
    return worlds
