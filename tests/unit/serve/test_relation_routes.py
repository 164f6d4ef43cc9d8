"""Routes that any relation can have, a call each, over one replica on stores in memory."""

import httpx
import pytest
from fastapi import APIRouter

from domain.ids import SessionId, UserId
from domain.relations import BOOKMARK, FOLLOW, LIKE
from serve.app import build_app
from serve.http.access import AccessControl
from serve.http.origins import Origins
from serve.http.rate_limits import OFF, Guard, Limit
from serve.http.sessions import Session
from serve.relations.routing import Operation, add_own_targets, add_relation, add_sources, add_targets
from serve.tweets.commands import Draft
from storage.redis.rate_limits import LocalRateLimiter
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


class Names:
    """Tokens that are the id of their user, of sessions that never end."""

    def verify(self, token: str) -> Session:
        return Session(UserId(int(token)), SessionId(1))

    def named(self, token: str) -> Session:
        return self.verify(token)

    def refuse_ended(self, session: SessionId) -> None:
        """None has."""

    async def require_live(self, session: SessionId) -> None:
        """All do."""


class Service:
    """Likes, bookmarks and follows over HTTP, as anybody."""

    def __init__(self) -> None:
        engine = Engine()
        self.replica = Replica(engine)
        guard = Guard(LocalRateLimiter(engine.clock, 100), engine.clock, OFF, Origins())
        use_cases = self.replica.use_cases.including(guard, AccessControl(Names(), Names(), guard))
        router = APIRouter()
        add_relation(
            router, "/tweets/{id}/like", LIKE, Limit.LIKES, Operation("like", "On."), Operation("unlike", "Off.")
        )
        add_sources(router, "/tweets/{id}/likers", LIKE, Operation("read_likers", "Who likes it."))
        add_relation(
            router, "/tweets/{id}/bookmark", BOOKMARK, Limit.LIKES, Operation("keep", "On."), Operation("drop", "Off.")
        )
        add_own_targets(router, "/users/me/bookmarks", BOOKMARK, Operation("read_kept", "What I keep."))
        add_relation(
            router, "/users/{id}/follow", FOLLOW, Limit.FOLLOWS, Operation("follow", "On."), Operation("un", "Off.")
        )
        add_targets(router, "/users/{id}/following", FOLLOW, Operation("read_following", "Whom somebody follows."))
        self.api = build_app(use_cases, (router,))

    async def ask(self, method: str, path: str, user: UserId | None = None) -> httpx.Response:
        headers = {} if user is None else {"authorization": f"Bearer {user}"}
        transport = httpx.ASGITransport(self.api, client=("203.0.113.9", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://murmur") as client:
            return await client.request(method, path, headers=headers)


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_relation_is_turned_on_and_off_and_its_target_is_answered(service: Service) -> None:
    tweet = await service.replica.post(ALICE, Draft(text="hello"))
    for method, on in (("POST", True), ("POST", True), ("DELETE", False), ("DELETE", False)):
        answer = await service.ask(method, f"/tweets/{tweet}/like", BOB)
        assert (answer.status_code, answer.json()["id"], answer.json()["liked"]) == (200, str(tweet), on)
        answer = await service.ask(method, f"/users/{ALICE}/follow", BOB)
        assert (answer.status_code, answer.json()["id"], answer.json()["following"]) == (200, str(ALICE), on)


async def test_nobody_has_a_relation_without_a_token_or_to_what_is_not_there(service: Service) -> None:
    assert (await service.ask("POST", "/tweets/4711/like")).status_code == 401
    assert (await service.ask("POST", "/tweets/4711/like", BOB)).status_code == 404
    assert (await service.ask("POST", "/users/4711/follow", BOB)).status_code == 404
    itself = await service.ask("POST", f"/users/{BOB}/follow", BOB)
    assert (itself.status_code, itself.json()["code"]) == (422, "self_follow")


async def test_either_side_is_listed_latest_first(service: Service) -> None:
    tweet = await service.replica.post(ALICE, Draft(text="hello"))
    for user in (ALICE, BOB):
        await service.ask("POST", f"/tweets/{tweet}/like", user)
    likers = (await service.ask("GET", f"/tweets/{tweet}/likers")).json()
    assert [user["id"] for user in likers["users"]] == [str(BOB), str(ALICE)]
    await service.ask("POST", f"/users/{ALICE}/follow", BOB)
    following = (await service.ask("GET", f"/users/{BOB}/following")).json()
    assert [user["id"] for user in following["users"]] == [str(ALICE)]


async def test_what_is_ones_own_is_listed_for_nobody_else_page_by_page_and_without_what_is_gone(
    service: Service,
) -> None:
    tweets = [await service.replica.post(ALICE, Draft(text=f"tweet {n}")) for n in range(4)]
    for tweet in (tweets[2], tweets[0], tweets[3], tweets[1]):
        await service.ask("POST", f"/tweets/{tweet}/bookmark", BOB)
    await service.replica.commands.delete(ALICE, tweets[3])
    assert (await service.ask("GET", "/users/me/bookmarks")).status_code == 401
    shown, cursor = list[str](), "?limit=2"
    while cursor:
        page = (await service.ask("GET", f"/users/me/bookmarks{cursor}", BOB)).json()
        shown += [tweet["id"] for tweet in page["tweets"]]
        cursor = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert shown == [str(tweets[at]) for at in (1, 0, 2)]
    assert (await service.ask("GET", "/users/me/bookmarks", ALICE)).json()["tweets"] == []
