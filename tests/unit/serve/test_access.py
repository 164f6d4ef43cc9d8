"""Who is let in: what the session says comes before what the limits say."""

from pathlib import Path

import pytest
from starlette.requests import Request

from domain.clock import ManualClock
from domain.errors import Refused, Unauthorized
from domain.ids import SessionId, UserId
from domain.limits import SMALL
from serve.accounts.key_ring import KeyRing
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import TTL_S, AccessTokens
from serve.http.access import AccessControl
from serve.http.errors import RateLimited
from serve.http.origins import Origins
from serve.http.rate_limits import OFF, Guard, Limit, RateLimits
from serve.http.sessions import Session
from storage.redis.rate_limits import LocalRateLimiter
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis
from tests.memory.sessions import MemoryTokenStore
from tests.support.key_files import folder_of

SESSION = Session(UserId(7), SessionId(99))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def tokens(clock: ManualClock, tmp_path: Path) -> AccessTokens:
    return AccessTokens(KeyRing(folder_of(tmp_path), clock), clock)


@pytest.fixture
def sessions(clock: ManualClock) -> SessionRegistry:
    return SessionRegistry(MemoryCacheStore(MemoryRedis(clock), SMALL), MemoryTokenStore(clock), SMALL)


@pytest.fixture
def access(clock: ManualClock, tokens: AccessTokens, sessions: SessionRegistry) -> AccessControl:
    """One request in a quarter of an hour is granted."""
    once = RateLimits(reads_per_quarter_hour=1)
    return AccessControl(tokens, sessions, Guard(LocalRateLimiter(clock, 100), clock, once, Origins()))


def request(*authorizations: str) -> Request:
    headers = [(b"authorization", each.encode()) for each in authorizations]
    return Request({"type": "http", "headers": headers, "client": None, "murmur.response_headers": []})


async def let_in(access: AccessControl, asking: Request) -> None:
    session = access.session_of(asking)
    assert session is not None
    await access.admit(asking, Limit.READS, session)


async def test_an_ended_session_is_refused_as_that_also_beyond_the_limit(
    access: AccessControl, tokens: AccessTokens, sessions: SessionRegistry
) -> None:
    asking = request(f"Bearer {tokens.issue(*SESSION)}")
    await let_in(access, asking)
    with pytest.raises(RateLimited):
        await let_in(access, asking)
    await sessions.end(SESSION.family)
    with pytest.raises(Unauthorized) as caught:
        await access.admit(asking, Limit.READS, SESSION)
    assert caught.value.code == "session_ended"


async def test_whoever_goes_on_with_an_ended_session_does_not_use_up_its_owners_limit(
    access: AccessControl, tokens: AccessTokens, sessions: SessionRegistry
) -> None:
    asking = request(f"Bearer {tokens.issue(*SESSION)}")
    await sessions.end(SESSION.family)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await let_in(access, asking)
    another = Session(SESSION.user, SessionId(100))
    await let_in(access, request(f"Bearer {tokens.issue(*another)}"))


async def test_a_session_is_asked_for_where_nothing_is_limited(
    tokens: AccessTokens, sessions: SessionRegistry, clock: ManualClock
) -> None:
    limiter = LocalRateLimiter(clock, 0)
    unlimited = AccessControl(tokens, sessions, Guard(limiter, clock, OFF, Origins()))
    asking = request(f"Bearer {tokens.issue(*SESSION)}")
    for _ in range(3):
        await let_in(unlimited, asking)
    await sessions.end(SESSION.family)
    with pytest.raises(Unauthorized) as caught:
        await unlimited.admit(asking, Limit.READS, SESSION)
    assert caught.value.code == "session_ended"


def test_of_two_authorizations_none_is_believed(access: AccessControl, tokens: AccessTokens) -> None:
    good = f"Bearer {tokens.issue(*SESSION)}"
    for other in (good, "Bearer nonsense", "Basic YTpi", ""):
        for both in ((good, other), (other, good)):
            for read in (access.session_of, access.session_to_end):
                with pytest.raises(Refused) as caught:
                    read(request(*both))
                assert caught.value.code == "repeated_authorization"
                assert not isinstance(caught.value, Unauthorized)
    assert access.session_of(request(good)) == SESSION
    assert access.session_of(request()) is None


async def test_a_session_that_expired_or_ended_can_be_named_to_end_it(
    access: AccessControl, tokens: AccessTokens, sessions: SessionRegistry, clock: ManualClock
) -> None:
    asking = request(f"bearer  {tokens.issue(*SESSION)} ")
    await sessions.end(SESSION.family)
    clock.advance(TTL_S * 1000)
    assert access.session_to_end(asking) == SESSION
    assert access.session_to_end(request()) is None
