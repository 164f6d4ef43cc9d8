"""Accounts on stores of a few lines, which note what is asked of them."""

from pathlib import Path

import pytest
from argon2 import Parameters, Type, extract_parameters
from typing_extensions import override

from domain.clock import ManualClock
from domain.errors import StoreUnavailable
from domain.ids import SessionId, UserId, first_id_at
from domain.limits import SMALL
from serve.accounts.commands import AccountCommands
from serve.accounts.key_ring import KeyRing
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import LANES, MEMORY_KIB, PASSES, Passwords
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import AccessTokens, SessionTokens
from serve.http.rate_limits import RateLimits
from storage.redis.rate_limits import LocalRateLimiter
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis
from tests.memory.sessions import MemoryTokenStore
from tests.memory.tables import MemoryTables
from tests.memory.users import MemoryUserStore
from tests.support.key_files import folder_of

PASSWORD = "correct horse"
NETWORK = "198.51.100.0/24"
HASHED = str(Parameters(Type.ID, 19, 16, 32, PASSES, MEMORY_KIB, LANES))


class Tokens(MemoryTokenStore):
    """Notes what is stored, and for how long."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.stored: list[tuple[str, int]] = []

    @override
    async def issue(self, token_hash: str, user: UserId, family: SessionId, ttl_s: int) -> None:
        self.stored.append((token_hash, ttl_s))
        await super().issue(token_hash, user, family, ttl_s)


class Numbers:
    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.last = 0

    def next(self) -> int:
        self.last = max(self.last + 1, first_id_at(self.clock.now_ms()))
        return self.last


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def users() -> MemoryUserStore:
    return MemoryUserStore(MemoryTables())


@pytest.fixture
def tokens(clock: ManualClock) -> Tokens:
    return Tokens(clock)


@pytest.fixture
def access(clock: ManualClock, tmp_path: Path) -> AccessTokens:
    return AccessTokens(KeyRing(folder_of(tmp_path), clock), clock)


class FailingRedis:
    """What sessions are cached in; it can be away."""

    def __init__(self, clock: ManualClock) -> None:
        self.down = False
        self.cache = MemoryCacheStore(MemoryRedis(clock), SMALL, self.turn)

    async def turn(self) -> None:
        if self.down:
            raise StoreUnavailable("redis", "it is down")


@pytest.fixture
def redis(clock: ManualClock) -> FailingRedis:
    return FailingRedis(clock)


@pytest.fixture
def sessions(redis: FailingRedis, tokens: Tokens) -> SessionRegistry:
    return SessionRegistry(redis.cache, tokens, SMALL)


@pytest.fixture
def passwords() -> Passwords:
    return CountedPasswords()


@pytest.fixture
def throttle(clock: ManualClock) -> LoginThrottle:
    cache = MemoryCacheStore(MemoryRedis(clock), SMALL)
    return LoginThrottle(LocalRateLimiter(clock, 100), cache, RateLimits())


@pytest.fixture
def accounts(
    users: MemoryUserStore,
    tokens: Tokens,
    passwords: Passwords,
    access: AccessTokens,
    throttle: LoginThrottle,
    sessions: SessionRegistry,
    clock: ManualClock,
) -> AccountCommands:
    issuer = SessionTokens(tokens, access, clock)
    return AccountCommands(users, Numbers(clock), passwords, issuer, throttle, sessions)


class CountedPasswords(Passwords):
    """Notes what each check costs: the parameters of the hash, and the length of what is hashed."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[tuple[str, int]] = []

    @override
    def _verify(self, password_hash: str, password: str) -> bool:
        self.costs.append((str(extract_parameters(password_hash)), len(password)))
        return super()._verify(password_hash, password)
