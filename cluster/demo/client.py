"""The HTTP API as a client uses it: bounded, patient with a busy server, every write safe to repeat, and timed."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import httpx
import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_delay

from cluster.demo.latencies import Latencies
from cluster.demo.shapes import Json, Profile, Shown
from cluster.errors import ClusterError

_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_WAIT_MIN_S = 0.05
_WAIT_MAX_S = 2.0
_PAGE_MAX = 100

T = TypeVar("T")


class NoAnswer(ClusterError):
    """The server could not be reached or was busy for as long as we were patient; the call may have had its effect."""


class UnexpectedAnswer(ClusterError):
    """The server answered what it must not answer here."""

    def __init__(self, call: str, status: int, body: str) -> None:
        super().__init__(f"{call} was answered {status}: {body}")
        self.status = status


class _Busy(Exception):
    """429 or 503: come back later."""

    def __init__(self, status: int, retry_after_s: float, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.retry_after_s = status, retry_after_s


@dataclass(slots=True)
class Member:
    """Somebody who signed up, with what is needed to act for them."""

    id: int
    username: str
    password: str
    token: str
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Api:
    """The API at one address. Use as a context manager; `at_once` calls are under way at any time.

    A call that meets 429, 503 or a broken connection is repeated until `patience_s` is over. Raises `NoAnswer` then,
    and `UnexpectedAnswer` for any other failure.
    """

    def __init__(self, url: str, *, at_once: int, patience_s: float = 60.0) -> None:
        limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
        self._client = httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=_TIMEOUT, limits=limits, trust_env=False)
        self.at_once = at_once
        self._gate = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self.latencies = Latencies()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def register(self, username: str, email: str, password: str) -> Member:
        """Sign up, or log in if an earlier attempt of ours had its effect."""
        body = {"username": username, "email": email, "password": password}
        try:
            answer = await self._call("register", "POST", "/auth/register", body=body)
        except UnexpectedAnswer as failure:
            if failure.status != 409:
                raise
            answer = await self._log_in(username, password)
        return Member(int(answer["user"]["id"]), username, password, str(answer["access_token"]))

    async def post(
        self,
        author: Member,
        text: str,
        *,
        reply_to: int | None = None,
        quote_of: int | None = None,
        location: str | None = None,
    ) -> Shown:
        """Publish a tweet; repeated under one idempotency key, so once."""
        body: dict[str, str] = {"text": text}
        if location is not None:
            body["location"] = location
        if reply_to is not None:
            body["reply_to_id"] = str(reply_to)
        if quote_of is not None:
            body["quote_of_id"] = str(quote_of)
        return Shown.of(await self._call("post", "POST", "/tweets", author, body=body, key=secrets.token_hex(12)))

    async def delete(self, author: Member, tweet: int) -> None:
        """Take a tweet away; a repeated call may find it gone."""
        try:
            await self._call("delete", "DELETE", f"/tweets/{tweet}", author)
        except UnexpectedAnswer as failure:
            if failure.status != 404:
                raise

    async def tweet(self, viewer: Member, tweet: int) -> Shown | None:
        """A tweet, None if there is none."""
        try:
            return Shown.of(await self._call("read tweet", "GET", f"/tweets/{tweet}", viewer))
        except UnexpectedAnswer as failure:
            if failure.status != 404:
                raise
            return None

    async def engage(self, kind: str, user: Member, tweet: int, *, on: bool) -> Shown:
        """Turn a like or a retweet on or off; the original as the user sees it then."""
        name = kind if on else f"undo {kind}"
        return Shown.of(await self._call(name, "POST" if on else "DELETE", f"/tweets/{tweet}/{kind}", user))

    async def follow(self, user: Member, target: int, *, on: bool) -> bool:
        """Follow or unfollow; whether the user follows the target then."""
        answer = await self._call(
            "follow" if on else "unfollow", "POST" if on else "DELETE", f"/users/{target}/follow", user
        )
        return bool(answer["following"])

    async def profile(self, viewer: Member, user: int) -> Profile:
        return Profile.of(await self._call("read user", "GET", f"/users/{user}", viewer))

    async def trends(self, window: str, place: str | None, limit: int) -> Json:
        params = {"window": window, "limit": str(limit)} | ({} if place is None else {"location": place})
        return await self._call("trends", "GET", "/trends", params=params)

    async def engagements(self, viewer: Member, tweet: int) -> Json:
        return await self._call("read counts", "GET", f"/tweets/{tweet}/engagements", viewer)

    async def page(
        self, kind: str, path: str, viewer: Member, cursor: str | None = None, limit: int = _PAGE_MAX
    ) -> tuple[list[Shown], str | None]:
        """One page of tweets, and the cursor of the next."""
        answer = await self._call(kind, "GET", path, viewer, params=_page(cursor, limit))
        return [Shown.of(tweet) for tweet in answer["tweets"]], answer["next_cursor"]

    async def tweets(self, kind: str, path: str, viewer: Member, *, down_to: int = 0) -> list[Shown]:
        """A list of tweets to its last page, or to the page that passes an id."""
        found: list[Shown] = []
        async for page in self._walk(kind, path, viewer, "tweets", Shown.of):
            found += page
            if page and page[-1].entry < down_to:
                break
        return found

    async def users(self, kind: str, path: str, viewer: Member) -> list[int]:
        """A list of users to its last page."""
        found: list[int] = []
        async for page in self._walk(kind, path, viewer, "users", lambda user: int(user["id"])):
            found += page
        return found

    async def _walk(
        self, kind: str, path: str, viewer: Member, name: str, read: Callable[[Json], T]
    ) -> AsyncIterator[list[T]]:
        """The pages of a list, each as large as the first but for the last. Raises `UnexpectedAnswer`."""
        cursor: str | None = None
        size: int | None = None
        while True:
            answer = await self._call(kind, "GET", path, viewer, params=_page(cursor, _PAGE_MAX))
            page = [read(item) for item in answer[name]]
            following = answer["next_cursor"]
            size = len(page) if size is None else size
            if (following is not None and len(page) != size) or (cursor is not None and not 0 < len(page) <= size):
                raise UnexpectedAnswer(f"GET {path}", 200, f"a page of {len(page)} after one of {size}")
            yield page
            if following is None:
                return
            cursor = following

    async def _log_in(self, username: str, password: str) -> Json:
        return await self._call("log in", "POST", "/auth/login", body={"username": username, "password": password})

    async def _call(
        self,
        kind: str,
        method: str,
        path: str,
        member: Member | None = None,
        *,
        body: Mapping[str, str] | None = None,
        key: str | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Json:
        headers = {} if key is None else {"Idempotency-Key": key}
        used = "" if member is None else member.token
        answer = await self._patiently(kind, self._request(method, path, used, headers, body, params))
        if answer.status_code == 401 and member is not None:  # an access token lasts 15 minutes
            async with member.lock:
                if member.token == used:
                    member.token = str((await self._log_in(member.username, member.password))["access_token"])
            answer = await self._patiently(kind, self._request(method, path, member.token, headers, body, params))
        if not answer.is_success:
            raise UnexpectedAnswer(f"{method} {path}", answer.status_code, answer.text)
        found: Json = orjson.loads(answer.content) if answer.content else {}
        return found

    def _request(
        self,
        method: str,
        path: str,
        token: str,
        headers: Mapping[str, str],
        body: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
    ) -> httpx.Request:
        sent = {**headers, "Authorization": f"Bearer {token}"} if token else dict(headers)
        return self._client.build_request(method, path, headers=sent, json=body, params=params)

    async def _patiently(self, kind: str, request: httpx.Request) -> httpx.Response:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type((_Busy, httpx.TransportError)),
            stop=stop_after_delay(self._patience_s),
            wait=_wait_s,
            before_sleep=self._note_repeat,
            reraise=True,
        )
        async with self._gate:
            try:
                return await attempts(self._once, kind, request)
            except (_Busy, httpx.TransportError) as failure:
                why = str(failure) or type(failure).__name__
                raise NoAnswer(f"{request.method} {request.url.path} had no answer: {why}") from failure

    async def _once(self, kind: str, request: httpx.Request) -> httpx.Response:
        clock = asyncio.get_running_loop().time
        begun = clock()
        answer = await self._client.send(request)
        if answer.status_code in (429, 503):
            busy = _Busy(answer.status_code, float(answer.headers.get("Retry-After", "1")), answer.text)
            if busy.retry_after_s > self._patience_s > 0:
                raise NoAnswer(
                    f"The server wants us to wait {busy.retry_after_s:.0f} s ({answer.text}); "
                    "start it with MURMUR_RATE_LIMITS=off for a demonstration."
                )
            raise busy
        self.latencies.add(kind, clock() - begun)
        return answer

    def _note_repeat(self, state: RetryCallState) -> None:
        failure = state.outcome.exception() if state.outcome is not None else None
        self.latencies.repeats[str(failure.status) if isinstance(failure, _Busy) else type(failure).__name__] += 1


def _wait_s(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome is not None else None
    doubled = min(_WAIT_MAX_S, _WAIT_MIN_S * float(2 ** min(state.attempt_number, 10)))
    return min(_WAIT_MAX_S, max(doubled, failure.retry_after_s)) if isinstance(failure, _Busy) else doubled


def _page(cursor: str | None, limit: int) -> dict[str, str]:
    return {"limit": str(limit)} if cursor is None else {"limit": str(limit), "cursor": cursor}
