"""Signing up, logging in, and how a session ends, on stores of a few lines."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from argon2 import Parameters, Type, extract_parameters
from structlog.testing import capture_logs
from typing_extensions import override

from domain.clock import ManualClock
from domain.errors import Conflict, Invalid, Overloaded, StoreUnavailable, Unauthorized
from domain.ids import SessionId, UserId, first_id_at
from domain.limits import SMALL
from domain.passwords import PASSWORD_CHARS_MAX
from domain.users import User, folded
from serve.accounts.commands import AccountCommands
from serve.accounts.key_ring import KeyRing
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import LANES, MEMORY_KIB, PASSES, Passwords
from serve.accounts.schemas import NewUser
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import REFRESH_TTL_S, SESSION_S, TTL_S, AccessTokens, SessionTokens
from serve.http.errors import RateLimited, answer_to, writing
from serve.http.rate_limits import RateLimits
from storage.ports.users import Credentials
from storage.redis.rate_limits import LocalRateLimiter
from telemetry import logs, metrics
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis
from tests.memory.sessions import MemoryTokenStore
from tests.support.key_files import folder_of

PASSWORD = "correct horse"
NETWORK = "198.51.100.0/24"
HASHED = str(Parameters(Type.ID, 19, 16, 32, PASSES, MEMORY_KIB, LANES))


class Users:
    def __init__(self) -> None:
        self.found: dict[str, Credentials] = {}
        self.names: dict[UserId, str] = {}

    async def create(self, user: User, email: str, password_hash: str) -> None:
        if folded(user.username) in self.found:
            raise Conflict("Taken.", "username_taken")
        self.found[folded(user.username)] = self.found[email.lower()] = Credentials(user.id, password_hash)
        self.names[user.id] = user.name

    async def credentials(self, login: str) -> Credentials | None:
        return self.found.get(login.lower())

    async def users(self, ids: object) -> dict[UserId, User]:
        raise NotImplementedError

    async def by_username(self, username: str) -> UserId | None:
        raise NotImplementedError


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
def users() -> Users:
    return Users()


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
    users: Users,
    tokens: Tokens,
    passwords: Passwords,
    access: AccessTokens,
    throttle: LoginThrottle,
    sessions: SessionRegistry,
    clock: ManualClock,
) -> AccountCommands:
    issuer = SessionTokens(tokens, access, clock)
    return AccountCommands(users, Numbers(clock), passwords, issuer, throttle, sessions)


async def test_alice_signs_up_and_logs_in_by_name_and_by_address(
    accounts: AccountCommands, access: AccessTokens
) -> None:
    alice, session = await accounts.register("Alice", "Alice@example.com", PASSWORD, None)
    assert access.verify(session.access_token).user == alice
    for login in ("alice", "ALICE", "alice@EXAMPLE.com"):
        user, again = await accounts.login(login, PASSWORD, NETWORK)
        assert user == alice
        assert again.refresh_token != session.refresh_token


async def test_a_refusal_after_a_user_was_made_or_a_token_spent_does_not_say_that_nothing_was_done(
    accounts: AccountCommands, tokens: Tokens
) -> None:
    _, session = await accounts.register("alice", "a@example.com", PASSWORD, None)

    async def refused(*_: object) -> None:
        raise Overloaded("cassandra", retry_after_ms=100)

    tokens.issue = refused  # type: ignore[method-assign,assignment]
    for again in (accounts.register("bob", "b@example.com", PASSWORD, None), accounts.refresh(session.refresh_token)):
        writing.set(False)
        with pytest.raises(Overloaded) as caught:
            await again
        answer = answer_to(caught.value)
        assert answer is not None
        assert orjson.loads(bytes(answer.body))["code"] == "store_unavailable"


async def test_the_name_shown_is_the_username_unless_given(accounts: AccountCommands, users: Users) -> None:
    alice, _ = await accounts.register("alice", "a@example.com", PASSWORD, None)
    bob, _ = await accounts.register("bob", "b@example.com", PASSWORD, "  Bob B.  ")
    assert users.names == {alice: "alice", bob: "Bob B."}


@pytest.mark.parametrize(
    "login",
    ["René@bücher.example", "rene\u0301@XN--BCHER-KVA.example", "\uff32ené\uff20bu\u0308cher\uff0eexample", "RENE"],
)
@pytest.mark.parametrize("password", ["café\u00a0crème au lait", "cafe\u0301 cre\u0300me au\u3000lait"])
async def test_what_sign_up_normalizes_log_in_does_too(accounts: AccountCommands, login: str, password: str) -> None:
    wire = {"username": "Rene", "email": "Rene\u0301@Bu\u0308cher.example", "password": "cafe\u0301 crème au lait"}
    new = NewUser.model_validate(wire)
    rene, _ = await accounts.register(new.username, new.email, new.password, new.name)
    assert (await accounts.login(login, password, NETWORK))[0] == rene


@pytest.mark.parametrize(
    "login", ["Alice <a@example.com>", "a@example.com, a@example.com", "alice\x00", "a@", "\u200balice"]
)
async def test_what_is_no_login_matches_nobody(accounts: AccountCommands, login: str) -> None:
    await accounts.register("alice", "a@example.com", PASSWORD, None)
    with pytest.raises(Unauthorized):
        await accounts.login(login, PASSWORD, NETWORK)


async def test_what_others_mistype_keeps_nobody_from_mistyping(accounts: AccountCommands) -> None:
    for n in range(26):  # a login is guessed 25 times an hour
        with pytest.raises(Unauthorized):
            await accounts.login(f"no login {n}", "", NETWORK)


async def test_a_reserved_username_is_refused_before_anything_is_hashed(
    users: Users,
    tokens: Tokens,
    access: AccessTokens,
    throttle: LoginThrottle,
    sessions: SessionRegistry,
    clock: ManualClock,
) -> None:
    full = Passwords(threads=1, waiting_max=-1)
    issuer = SessionTokens(tokens, access, clock)
    accounts = AccountCommands(users, Numbers(clock), full, issuer, throttle, sessions)
    with pytest.raises(Conflict) as caught:
        await accounts.register("Admin", "a@example.com", PASSWORD, None)
    assert caught.value.code == "username_reserved"


async def test_passwords_are_kept_as_argon2id(accounts: AccountCommands, users: Users) -> None:
    await accounts.register("alice", "a@example.com", PASSWORD, None)
    assert users.found["alice"].password_hash.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t=2,p=1$")


@pytest.mark.parametrize(
    ("username", "name", "password", "field"),
    [
        ("a b", None, PASSWORD, "username"),
        ("alice", "", PASSWORD, "name"),
        ("alice", "\u3164", PASSWORD, "name"),
        ("alice", None, "short", "password"),
        ("alice", None, "Password1", "password"),
    ],
)
async def test_a_registration_keeps_the_rules(
    accounts: AccountCommands, tokens: Tokens, username: str, name: str | None, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        await accounts.register(username, "a@example.com", password, name)
    assert [broken for broken, _ in caught.value.fields] == [field]
    assert not tokens.stored


class CountedPasswords(Passwords):
    """Notes what each check costs: the parameters of the hash, and the length of what is hashed."""

    def __init__(self) -> None:
        super().__init__()
        self.costs: list[tuple[str, int]] = []

    @override
    def _verify(self, password_hash: str, password: str) -> bool:
        self.costs.append((str(extract_parameters(password_hash)), len(password)))
        return super()._verify(password_hash, password)


class Asked:
    """Passes every call on, and notes that it was made."""

    def __init__(self, store: object, calls: list[str]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.append(f"{type(self._store).__name__}.{name}")
        return getattr(self._store, name)


@pytest.mark.parametrize("password", ["wrong horse", "", PASSWORD + "x" * 300])
async def test_a_wrong_name_and_a_wrong_password_look_alike_and_cost_the_same(
    users: Users,
    tokens: Tokens,
    passwords: CountedPasswords,
    access: AccessTokens,
    sessions: SessionRegistry,
    clock: ManualClock,
    password: str,
) -> None:
    calls = list[str]()
    limiter = LocalRateLimiter(ManualClock(), 100)
    cache = MemoryCacheStore(MemoryRedis(ManualClock()), SMALL)
    throttle = LoginThrottle(Asked(limiter, calls), Asked(cache, calls), RateLimits(failed_log_ins_per_hour=2))
    issuer = SessionTokens(Asked(tokens, calls), access, clock)
    accounts = AccountCommands(Asked(users, calls), Numbers(clock), passwords, issuer, throttle, sessions)
    await accounts.register("alice", "a@example.com", PASSWORD, None)
    looks = set()
    for login in ("alice", "a@example.com", "bob", "b@example.com", ""):
        look: list[object] = []
        for error in (Unauthorized, Unauthorized, RateLimited):
            calls.clear()
            passwords.costs.clear()
            with pytest.raises(error) as caught:
                await accounts.login(login, password, NETWORK)
            look += [caught.value.args, *calls, *passwords.costs]
        looks.add(tuple(look))
    attempt = (
        ("The login or the password is wrong.", "invalid_credentials"),
        "LocalRateLimiter.take",
        "Users.credentials",
        (HASHED, min(len(password), PASSWORD_CHARS_MAX)),
    )
    too_often = (("failed_log_ins", 1_800), "LocalRateLimiter.take", "MemoryCacheStore.fetch")
    assert looks == {(*attempt, *attempt, *too_often)}, "each the same, and nothing is hashed once it is too often"


async def test_a_failed_log_in_is_a_line_and_a_count(
    accounts: AccountCommands, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", counted)
    alice, _ = await accounts.register("alice", "a@example.com", PASSWORD, None)
    logs.network.set(NETWORK)
    with capture_logs() as lines:
        for login in ("alice", "b@example.com"):
            with pytest.raises(Unauthorized):
                await accounts.login(login, "wrong horse", NETWORK)
        await accounts.login("alice", PASSWORD, NETWORK)
    line = {"event": "log-in failed", "log_level": "warning", "network": NETWORK}
    assert lines == [{**line, "user": alice}, {**line, "user": None}]
    assert counted.total(metrics.FAILED_LOG_INS) == 2


async def test_the_owner_stays_logged_in_while_others_guess(accounts: AccountCommands) -> None:
    alice, session = await accounts.register("alice", "a@example.com", PASSWORD, None)
    await accounts.login("alice", PASSWORD, NETWORK)
    for n in range(26):
        with pytest.raises(Unauthorized if n < 25 else RateLimited):
            await accounts.login("alice", "", f"203.0.{n}.0/24")
    await accounts.refresh(session.refresh_token)
    user, _ = await accounts.login("alice", PASSWORD, NETWORK)
    assert user == alice, "from where they logged in before"


async def test_a_long_password_is_not_its_beginning(accounts: AccountCommands) -> None:
    longest = "x" * 256
    await accounts.register("alice", "a@example.com", longest, None)
    assert await accounts.login("alice", longest, NETWORK)
    with pytest.raises(Unauthorized):
        await accounts.login("alice", longest + "x", NETWORK)


async def test_only_the_newest_refresh_token_works(accounts: AccountCommands, access: AccessTokens) -> None:
    alice, first = await accounts.register("alice", "a@example.com", PASSWORD, None)
    second = await accounts.refresh(first.refresh_token)
    assert access.verify(second.access_token) == (alice, access.verify(first.access_token).family)
    third = await accounts.refresh(second.refresh_token)
    assert third.refresh_token not in (first.refresh_token, second.refresh_token)


async def test_a_stolen_refresh_token_ends_the_session_for_both(
    accounts: AccountCommands, access: AccessTokens, sessions: SessionRegistry
) -> None:
    _, first = await accounts.register("alice", "a@example.com", PASSWORD, None)
    _, elsewhere = await accounts.login("alice", PASSWORD, NETWORK)
    thiefs = await accounts.refresh(first.refresh_token)
    for token in (first.refresh_token, thiefs.refresh_token):
        with pytest.raises(Unauthorized):
            await accounts.refresh(token)
    with pytest.raises(Unauthorized) as caught:
        await sessions.require_live(access.verify(thiefs.access_token).family)
    assert caught.value.code == "session_ended"
    await accounts.refresh(elsewhere.refresh_token)  # another session goes on
    await sessions.require_live(access.verify(elsewhere.access_token).family)


async def test_reuse_that_was_answered_503_ends_the_session_when_it_is_tried_again(
    accounts: AccountCommands, access: AccessTokens, sessions: SessionRegistry, redis: FailingRedis, tokens: Tokens
) -> None:
    _, first = await accounts.register("alice", "a@example.com", PASSWORD, None)
    thiefs = access.verify((await accounts.refresh(first.refresh_token)).access_token)
    elsewhere = SessionRegistry(redis.cache, tokens, SMALL)
    await elsewhere.require_live(thiefs.family)
    redis.down = True
    with pytest.raises(StoreUnavailable):
        await accounts.refresh(first.refresh_token)
    redis.down = False
    with pytest.raises(Unauthorized):
        await accounts.refresh(first.refresh_token)
    with pytest.raises(Unauthorized):
        await elsewhere.require_live(thiefs.family)


async def test_a_session_ends_a_year_after_it_began_however_often_it_is_renewed(
    accounts: AccountCommands, access: AccessTokens, tokens: Tokens, clock: ManualClock
) -> None:
    began_ms = clock.now_ms()
    _, session = await accounts.register("alice", "a@example.com", PASSWORD, None)
    while (age_s := (clock.now_ms() - began_ms) // 1000) + REFRESH_TTL_S < SESSION_S:
        assert tokens.stored[-1][1] == REFRESH_TTL_S
        clock.advance((REFRESH_TTL_S - 1) * 1000)
        session = await accounts.refresh(session.refresh_token)
    assert tokens.stored[-1][1] == SESSION_S - age_s
    clock.advance((SESSION_S - age_s - 60) * 1000)
    last = await accounts.refresh(session.refresh_token)
    assert (last.expires_in, tokens.stored[-1][1]) == (60, 60), "neither token outlives the session"
    clock.advance(60_000)
    with pytest.raises(Unauthorized) as caught:
        access.verify(last.access_token)
    assert caught.value.code == "expired_token"
    with pytest.raises(Unauthorized):
        await accounts.refresh(last.refresh_token)
    _, anew = await accounts.login("alice", PASSWORD, NETWORK)
    assert anew.expires_in == TTL_S


@pytest.mark.parametrize("by", ["access token", "refresh token", "a refresh token that was used"])
async def test_logging_out_ends_the_session(
    accounts: AccountCommands, access: AccessTokens, sessions: SessionRegistry, by: str
) -> None:
    _, first = await accounts.register("alice", "a@example.com", PASSWORD, None)
    session = await accounts.refresh(first.refresh_token)
    named = access.verify(session.access_token)
    await sessions.require_live(named.family)
    for _ in range(2):  # whoever was told nothing, or 503, does it again
        if by == "access token":
            await accounts.logout(named, None)
        else:
            await accounts.logout(None, session.refresh_token if by == "refresh token" else first.refresh_token)
    with pytest.raises(Unauthorized):
        await sessions.require_live(named.family)
    with pytest.raises(Unauthorized):
        await accounts.refresh(session.refresh_token)


async def test_logging_out_with_an_unknown_token_changes_nothing(accounts: AccountCommands) -> None:
    _, session = await accounts.register("alice", "a@example.com", PASSWORD, None)
    await accounts.logout(None, "nonsense")
    await accounts.refresh(session.refresh_token)


async def test_reuse_and_what_it_or_a_log_out_ends_are_lines_and_counts(
    accounts: AccountCommands, access: AccessTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", counted)
    alice, stolen = await accounts.register("alice", "a@example.com", PASSWORD, None)
    _, elsewhere = await accounts.login("alice", PASSWORD, NETWORK)
    logs.network.set(NETWORK)
    with capture_logs() as lines:
        await accounts.refresh(stolen.refresh_token)
        for _ in range(3):  # however often it comes
            with pytest.raises(Unauthorized):
                await accounts.refresh(stolen.refresh_token)
        with pytest.raises(Unauthorized):
            await accounts.refresh("unknown")
        await accounts.logout(access.verify(elsewhere.access_token), elsewhere.refresh_token)
    line = {"log_level": "warning", "network": NETWORK, "user": alice}
    assert lines == [
        {**line, "event": "refresh token reused"},
        {**line, "event": "session revoked", "by": "reuse"},
        {**line, "event": "session revoked", "by": "log_out"},
    ]
    assert counted.total(metrics.REFRESH_TOKENS_REUSED) == 1
    assert [counted.total(metrics.SESSIONS_REVOKED, by=by) for by in ("reuse", "log_out")] == [1, 1]


async def test_refresh_tokens_are_not_stored(accounts: AccountCommands, tokens: Tokens) -> None:
    _, session = await accounts.register("alice", "a@example.com", PASSWORD, None)
    assert session.refresh_token not in dict(tokens.stored)


async def test_too_many_hashes_at_once_are_refused() -> None:
    full = Passwords(threads=1, waiting_max=-1)
    with pytest.raises(Overloaded):
        await full.hash(PASSWORD)
