"""Requests to the HTTP API: bounded, patient with a busy server, every write safe to repeat, and timed."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import orjson
from rich.table import Table
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, retry_if_result

from cluster.errors import ClusterError

PREFIX = "/api/v1"
_CONNECT_TIMEOUT_S = 5.0
_WAIT_MIN_S = 0.05
_WAIT_MAX_S = 2.0
_BUSY = (429, 503)

Json = Mapping[str, Any]
"""A JSON object as it was parsed."""


class ApiFailure(ClusterError):
    """A call that did not do what was asked."""


class NoAnswer(ApiFailure):
    """The server could not be reached or was busy for as long as we were patient; the call may have had its effect."""


class UnexpectedAnswer(ApiFailure):
    """An answer that the server must not give here."""

    def __init__(self, call: str, status: int, body: str) -> None:
        super().__init__(f"{call} was answered {status}: {body}")
        self.status = status


@dataclass(slots=True)
class Account:
    """Somebody who signed up, with what is needed to act for them."""

    id: int
    username: str
    password: str
    token: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Latencies:
    """Every answered call's time, and how often a call had to be repeated and why."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, list[float]] = defaultdict(list)
        self.repeats: Counter[str] = Counter()

    def add(self, kind: str, seconds: float) -> None:
        self._seconds[kind].append(seconds)

    def count(self) -> int:
        return sum(map(len, self._seconds.values()))

    def table(self, title: str) -> Table:
        """Calls and percentiles in milliseconds."""
        table = Table("call", "count", "p50 ms", "p95 ms", "p99 ms", title=title, title_justify="left")
        for kind, seconds in sorted(self._seconds.items()):
            percentiles = np.percentile(np.array(seconds) * 1000, (50, 95, 99))
            table.add_row(kind, str(len(seconds)), *(f"{value:.0f}" for value in percentiles))
        return table


class ApiClient:
    """The API at one address; at most `at_once` calls are under way at any time.

    A call that meets 429, 503 or a broken connection is repeated until `patience_s` is over.
    """

    def __init__(self, http: httpx.AsyncClient, *, at_once: int = 100, patience_s: float = 0.0) -> None:
        """`http` has the address of the system as its base."""
        self.http = http
        self.at_once = at_once
        self.patience_s = patience_s
        self.latencies = Latencies()
        self._gate = asyncio.Semaphore(at_once)

    async def sign_up(self, username: str, email: str, password: str) -> Account:
        """Sign up, or log in if an earlier attempt of ours had its effect."""
        body = {"username": username, "email": email, "password": password}
        try:
            answer = await self.call("register", "POST", "/auth/register", json=body)
        except UnexpectedAnswer as failure:
            if failure.status != 409:
                raise
            answer = await self._log_in(username, password)
        return Account(int(answer["user"]["id"]), username, password, str(answer["access_token"]))

    async def renew(self, account: Account) -> None:
        """Log in again: an access token lasts 15 minutes."""
        account.token = str((await self._log_in(account.username, account.password))["access_token"])

    async def call(self, kind: str, method: str, path: str, account: Account | None = None, **content: Any) -> Json:
        """The JSON of a good answer; an expired token is renewed. Raises `ApiFailure`."""
        used = "" if account is None else account.token
        answer = await self._answered(kind, method, path, account, **content)
        if answer.status_code == 401 and account is not None and b'"expired_token"' in answer.content:
            async with account.lock:
                if account.token == used:
                    await self.renew(account)
            answer = await self._answered(kind, method, path, account, **content)
        if not answer.is_success:
            raise UnexpectedAnswer(f"{method} {path}", answer.status_code, answer.text)
        found: Json = orjson.loads(answer.content) if answer.content else {}
        return found

    async def send(
        self,
        kind: str,
        method: str,
        path: str,
        account: Account | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """The last answer, whatever it is; `content` is as httpx takes it. Raises `httpx.TransportError` for none."""
        bearer = {} if account is None else {"Authorization": f"Bearer {account.token}"}
        request = self.http.build_request(method, PREFIX + path, headers={**bearer, **(headers or {})}, **content)
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(httpx.TransportError) | retry_if_result(_is_busy),
            stop=self._gives_up,
            wait=_wait_s,
            before_sleep=self._note_repeat,
            retry_error_callback=_result,
        )
        async with self._gate:
            answer: httpx.Response = await attempts(self._once, kind, request)
        return answer

    async def _answered(
        self, kind: str, method: str, path: str, account: Account | None, **content: Any
    ) -> httpx.Response:
        try:
            answer = await self.send(kind, method, path, account, **content)
        except httpx.TransportError as failure:
            raise NoAnswer(f"{method} {path} had no answer: {str(failure) or type(failure).__name__}") from failure
        if (wait_s := _retry_after_s(answer)) > self.patience_s > 0:
            raise NoAnswer(
                f"The server wants us to wait {wait_s:.0f} s ({answer.text}); "
                "start it with MURMUR_RATE_LIMITS=off for a demonstration."
            )
        if _is_busy(answer):
            raise NoAnswer(f"{method} {path} had no answer: {answer.status_code}: {answer.text}")
        return answer

    async def _log_in(self, username: str, password: str) -> Json:
        return await self.call("log in", "POST", "/auth/login", json={"username": username, "password": password})

    async def _once(self, kind: str, request: httpx.Request) -> httpx.Response:
        clock = asyncio.get_running_loop().time
        begun_s = clock()
        answer = await self.http.send(request)
        if not _is_busy(answer):
            self.latencies.add(kind, clock() - begun_s)
        return answer

    def _gives_up(self, state: RetryCallState) -> bool:
        waited_s = state.seconds_since_start or 0.0
        return waited_s >= self.patience_s or _asked_to_wait_s(state) > self.patience_s

    def _note_repeat(self, state: RetryCallState) -> None:
        assert state.outcome is not None, "there was an attempt"
        failure = state.outcome.exception()
        self.latencies.repeats[type(failure).__name__ if failure else str(state.outcome.result().status_code)] += 1


@asynccontextmanager
async def connected(
    url: str, *, at_once: int, patience_s: float = 60.0, timeout_s: float = 30.0
) -> AsyncIterator[ApiClient]:
    """A client with connections of its own."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S))
    async with httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False) as http:
        yield ApiClient(http, at_once=at_once, patience_s=patience_s)


def _is_busy(answer: httpx.Response) -> bool:
    return answer.status_code in _BUSY


def _retry_after_s(answer: httpx.Response) -> float:
    return float(answer.headers.get("Retry-After", "1")) if _is_busy(answer) else 0.0


def _asked_to_wait_s(state: RetryCallState) -> float:
    assert state.outcome is not None, "there was an attempt"
    return 0.0 if state.outcome.failed else _retry_after_s(state.outcome.result())


def _wait_s(state: RetryCallState) -> float:
    doubled = min(_WAIT_MAX_S, _WAIT_MIN_S * float(2 ** min(state.attempt_number, 10)))
    return min(_WAIT_MAX_S, max(doubled, _asked_to_wait_s(state)))


def _result(state: RetryCallState) -> httpx.Response:
    assert state.outcome is not None, "there was an attempt"
    answer: httpx.Response = state.outcome.result()
    return answer
