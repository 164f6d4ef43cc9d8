"""Who is let in: what the session says comes before what the limits say."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.requests import Request

from domain.clock import ManualClock
from domain.errors import Refused, Unauthorized
from domain.ids import SessionId, UserId
from domain.limits import SMALL
from serve.accounts.key_ring import KeyRing
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.sessions import TTL_S, AccessTokens, Session
from serve.http.access import admit, session_of, session_to_end
from serve.http.errors import RateLimited
from serve.http.origins import Origins
from serve.http.rate_limits import OFF, Guard, Limit, RateLimits
from serve.http.use_cases import Services
from storage.memory.hot import MemoryRedis
from storage.memory.hot_cache import MemoryCacheStore
from storage.memory.tokens import MemoryTokenStore
from storage.redis.limits import LocalRateLimiter
from tests.support.key_files import folder_of

SESSION = Session(UserId(7), SessionId(99))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def services(clock: ManualClock, tmp_path: Path) -> Services:
    """One request in a quarter of an hour is granted."""
    once = RateLimits(reads_per_quarter_hour=1)
    registry = SessionRegistry(MemoryCacheStore(MemoryRedis(clock), SMALL), MemoryTokenStore(clock), SMALL)
    guard = Guard(LocalRateLimiter(clock, 100), clock, once, Origins())
    sessions = AccessTokens(KeyRing(folder_of(tmp_path), clock), clock)
    return cast(Services, SimpleNamespace(guard=guard, sessions=sessions, session_registry=registry))


def request(*authorizations: str) -> Request:
    headers = [(b"authorization", each.encode()) for each in authorizations]
    return Request({"type": "http", "headers": headers, "client": None, "murmur.response_headers": []})


async def let_in(services: Services, asking: Request) -> None:
    session = session_of(asking, services)
    assert session is not None
    await admit(asking, services, Limit.READS, session)


async def test_an_ended_session_is_refused_as_that_also_beyond_the_limit(services: Services) -> None:
    asking = request(f"Bearer {services.sessions.issue(*SESSION)}")
    await let_in(services, asking)
    with pytest.raises(RateLimited):
        await let_in(services, asking)
    await services.session_registry.end(SESSION.family)
    with pytest.raises(Unauthorized) as caught:
        await admit(asking, services, Limit.READS, SESSION)
    assert caught.value.code == "session_ended"


async def test_whoever_goes_on_with_an_ended_session_does_not_use_up_its_owners_limit(services: Services) -> None:
    asking = request(f"Bearer {services.sessions.issue(*SESSION)}")
    await services.session_registry.end(SESSION.family)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await let_in(services, asking)
    another = Session(SESSION.user, SessionId(100))
    await let_in(services, request(f"Bearer {services.sessions.issue(*another)}"))


async def test_a_session_is_asked_for_where_nothing_is_limited(services: Services, clock: ManualClock) -> None:
    limiter = LocalRateLimiter(clock, 0)
    unlimited = cast(Services, SimpleNamespace(**{**vars(services), "guard": Guard(limiter, clock, OFF, Origins())}))
    asking = request(f"Bearer {services.sessions.issue(*SESSION)}")
    for _ in range(3):
        await let_in(unlimited, asking)
    await services.session_registry.end(SESSION.family)
    with pytest.raises(Unauthorized) as caught:
        await admit(asking, unlimited, Limit.READS, SESSION)
    assert caught.value.code == "session_ended"


def test_of_two_authorizations_none_is_believed(services: Services) -> None:
    good = f"Bearer {services.sessions.issue(*SESSION)}"
    for other in (good, "Bearer nonsense", "Basic YTpi", ""):
        for both in ((good, other), (other, good)):
            for read in (session_of, session_to_end):
                with pytest.raises(Refused) as caught:
                    read(request(*both), services)
                assert caught.value.code == "repeated_authorization"
                assert not isinstance(caught.value, Unauthorized)
    assert session_of(request(good), services) == SESSION
    assert session_of(request(), services) is None


async def test_a_session_that_expired_or_ended_can_be_named_to_end_it(services: Services, clock: ManualClock) -> None:
    asking = request(f"bearer  {services.sessions.issue(*SESSION)} ")
    await services.session_registry.end(SESSION.family)
    clock.advance(TTL_S * 1000)
    assert session_to_end(asking, services) == SESSION
    assert session_to_end(request(), services) is None
