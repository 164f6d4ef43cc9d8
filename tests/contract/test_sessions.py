"""Refresh tokens and their families; and what it costs to see that a session lives."""

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from domain.clock import SystemClock
from domain.errors import Unauthorized
from domain.ids import SessionId, UserId
from domain.limits import SMALL
from serve.accounts.session_registry import SessionRegistry
from serve.http.access import AccessControl
from serve.http.origins import Origins
from serve.http.rate_limits import Guard, Limit, RateLimits
from serve.http.sessions import Session
from storage.ports import Ports
from storage.ports.sessions import SpentToken, TokenStore, TokenUse
from storage.redis import RedisStores
from tests.contract.people import new_id
from tests.memory.sessions import MemoryTokenStore
from tests.support.ports import NotGiven
from tests.support.waiting import eventually


@pytest.fixture
def tokens(ports: Ports) -> TokenStore:
    return ports.tokens


@pytest.fixture
def user() -> UserId:
    return UserId(new_id())


@pytest.fixture
def family() -> SessionId:
    return SessionId(new_id())


def new_hash() -> str:
    return f"hash-{new_id()}"


async def test_a_refresh_token_is_used_once(tokens: TokenStore, user: UserId, family: SessionId) -> None:
    first = new_hash()
    await tokens.issue(first, user, family, 60)
    uses = [await tokens.spend(first) for _ in range(3)]
    expected = [TokenUse.FIRST, TokenUse.REUSE, TokenUse.REUSE]
    assert uses == [SpentToken(user, family, use) for use in expected]
    assert await tokens.spend("unknown") is None


async def test_of_several_who_use_a_token_at_once_one_is_the_first(
    tokens: TokenStore, user: UserId, family: SessionId
) -> None:
    shared = new_hash()
    await tokens.issue(shared, user, family, 60)
    spent = await asyncio.gather(*[tokens.spend(shared) for _ in range(4)])
    uses = [each.use for each in spent if each is not None]
    assert sorted(uses) == [TokenUse.FIRST, TokenUse.REUSE, TokenUse.REUSE, TokenUse.REUSE]


async def test_the_tokens_of_a_revoked_family_are_worth_nothing(
    tokens: TokenStore, user: UserId, family: SessionId
) -> None:
    held, used, later = new_hash(), new_hash(), new_hash()
    for token in (held, used):
        await tokens.issue(token, user, family, 60)
    await tokens.spend(used)
    for _ in range(2):
        await tokens.revoke(family)
    await tokens.issue(later, user, family, 60)  # by somebody who had looked before
    for token in (held, used, later):
        assert await tokens.spend(token) == SpentToken(user, family, TokenUse.REVOKED)


async def test_which_families_are_revoked_can_be_asked(tokens: TokenStore, family: SessionId) -> None:
    others = [SessionId(new_id()) for _ in range(3)]
    assert await tokens.revoked([family, *others]) == set()
    await tokens.revoke(family)
    await tokens.revoke(others[1])
    assert await tokens.revoked([family, *others]) == {family, others[1]}
    assert await tokens.revoked([]) == set()


async def test_an_expired_token_is_unknown_though_it_was_used(
    tokens: TokenStore, user: UserId, family: SessionId
) -> None:
    used, unused = new_hash(), new_hash()
    for token in (used, unused):
        await tokens.issue(token, user, family, 1)

    async def they_have_expired() -> bool:
        return (await tokens.spend(used), await tokens.spend(unused)) == (None, None)

    await eventually(they_have_expired)


async def reads_of(redis: RedisStores) -> int:
    """How often the server has found something to read on a connection."""
    (info,) = await redis.client.run([("INFO", "stats")])
    return int(info.split(b"total_reads_processed:")[1].split()[0])


async def test_whether_a_session_lives_is_asked_in_the_trip_of_the_rate_limit(
    redis_stores: RedisStores, user: UserId, family: SessionId
) -> None:
    sessions = SessionRegistry(redis_stores.cache, MemoryTokenStore(SystemClock()), SMALL)
    guard = Guard(redis_stores.limiter, SystemClock(), RateLimits(), Origins())
    no_tokens: Any = NotGiven()
    access = AccessControl(no_tokens, sessions, guard)
    session = Session(user, family)

    async def reads_to_admit() -> int:
        request = Request({"type": "http", "headers": [], "client": None, "murmur.response_headers": []})
        before = await reads_of(redis_stores)
        await access.admit(request, Limit.READS, session)
        return await reads_of(redis_stores) - before - 1

    await reads_to_admit()  # the script of the limits is loaded, the session is read
    assert await reads_to_admit() == 1
    await sessions.end(family)
    with pytest.raises(Unauthorized):
        await reads_to_admit()
