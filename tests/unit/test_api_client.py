"""Is the client of the API as patient as it was told to be, and never more than once an effect?"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from cluster.client.api import Account, ApiClient, NoAnswer, UnexpectedAnswer
from tests.support.api_user import ApiUser


class Service:
    """Answers as it was told to, one answer after the other, and keeps what it was sent."""

    def __init__(self, *answers: tuple[int, Mapping[str, object]], retry_after: str = "0") -> None:
        self._answers = list(answers)
        self.tokens: list[str] = []
        self.keys: set[str] = set()
        self.app = FastAPI()

        @self.app.api_route("/api/v1/{path:path}", methods=["GET", "POST"])
        async def answer(request: Request) -> JSONResponse:
            self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
            self.keys.add(request.headers.get("Idempotency-Key", ""))
            status, body = self._answers.pop(0)
            return JSONResponse(body, status, {"Retry-After": retry_after})

    @asynccontextmanager
    async def user(self, patience_s: float) -> AsyncIterator[ApiUser]:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://murmur") as http:
            account = Account(id=1, username="ann", password="correct horse battery", token="first")
            yield ApiUser(ApiClient(http, patience_s=patience_s), account)


BUSY: tuple[int, Mapping[str, object]] = (503, {"code": "overloaded"})
TWEET: Mapping[str, object] = {
    "id": "10",
    "author": {"id": "1", "name": "Alice"},
    "text": "hello",
    "retweet_of": None,
    "reply_to_id": None,
    "quote_of_id": None,
    **{f"{name}_count": 0 for name in ("likes", "retweets", "replies", "quotes")},
    "liked": False,
    "retweeted": False,
    "bookmarked": False,
}


async def test_a_busy_server_is_asked_again_under_one_key() -> None:
    service = Service(BUSY, BUSY, (201, TWEET))
    async with service.user(patience_s=60) as user:
        assert (await user.publish("hello")).entry == 10
        assert user.api.latencies.repeats == {"503": 2}
    assert len(service.keys) == 1


async def test_who_has_no_patience_gets_the_first_answer_whatever_it_is() -> None:
    service = Service(BUSY, BUSY)
    async with service.user(patience_s=0) as user:
        assert (await user.send("GET", "/users/me")).status_code == 503
        with pytest.raises(NoAnswer, match="503"):
            await user.tweet(10)


async def test_a_server_that_wants_longer_than_we_have_is_not_waited_for() -> None:
    async with Service((429, {}), retry_after="3600").user(patience_s=60) as user:
        with pytest.raises(NoAnswer, match="wait 3600 s"):
            await user.tweet(10)


async def test_an_expired_token_is_renewed_and_no_other_is() -> None:
    expired, ended = (401, {"code": "expired_token"}), (401, {"code": "session_ended"})
    service = Service(expired, (200, {"access_token": "second"}), (200, TWEET), ended)
    async with service.user(patience_s=0) as user:
        assert await user.tweet(10) is not None
        with pytest.raises(UnexpectedAnswer, match="session_ended"):
            await user.tweet(10)
    assert service.tokens == ["first", "", "second", "second"]


async def test_what_is_not_there_is_none_and_what_may_not_be_is_said() -> None:
    async with Service((404, {}), (500, {"code": "internal"})).user(patience_s=0) as user:
        assert await user.tweet(10) is None
        with pytest.raises(UnexpectedAnswer, match="GET /tweets/10 was answered 500"):
            await user.tweet(10)


async def test_a_page_that_is_shorter_than_the_first_must_be_the_last() -> None:
    pages = [{"users": [{"id": "1"}, {"id": "2"}], "next_cursor": "a"}, {"users": [{"id": "3"}], "next_cursor": "b"}]
    async with Service(*((200, page) for page in pages)).user(patience_s=0) as user:
        with pytest.raises(UnexpectedAnswer, match="a page of 1 after one of 2"):
            await user.users("followers", "/users/1/followers")
