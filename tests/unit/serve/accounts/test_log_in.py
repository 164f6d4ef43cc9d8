"""Signing up and logging in."""

from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from domain.clock import ManualClock
from domain.errors import Conflict, Invalid, Overloaded, Unauthorized
from domain.limits import SMALL
from domain.passwords import PASSWORD_CHARS_MAX
from serve.accounts.commands import AccountCommands
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import MEMORY_KIB, Passwords
from serve.accounts.schemas import NewUser
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import AccessTokens, SessionTokens
from serve.http.errors import RateLimited, answer_to, writing
from serve.http.rate_limits import RateLimits
from storage.redis.rate_limits import LocalRateLimiter
from telemetry import logs, metrics
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis
from tests.memory.users import MemoryUserStore
from tests.unit.serve.accounts.conftest import HASHED, NETWORK, PASSWORD, CountedPasswords, Numbers, Tokens


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


async def test_the_name_shown_is_the_username_unless_given(accounts: AccountCommands, users: MemoryUserStore) -> None:
    alice, _ = await accounts.register("alice", "a@example.com", PASSWORD, None)
    bob, _ = await accounts.register("bob", "b@example.com", PASSWORD, "  Bob B.  ")
    assert {user.name for user in (await users.users([alice, bob])).values()} == {"alice", "Bob B."}


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
    users: MemoryUserStore,
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


async def test_passwords_are_kept_as_argon2id(accounts: AccountCommands, users: MemoryUserStore) -> None:
    await accounts.register("alice", "a@example.com", PASSWORD, None)
    kept = await users.credentials("alice")
    assert kept is not None
    assert kept.password_hash.startswith(f"$argon2id$v=19$m={MEMORY_KIB},t=2,p=1$")


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


class Asked:
    """Passes every call on, and notes that it was made."""

    def __init__(self, store: object, calls: list[str]) -> None:
        self._store, self._calls = store, calls

    def __getattr__(self, name: str) -> Any:
        self._calls.append(f"{type(self._store).__name__}.{name}")
        return getattr(self._store, name)


@pytest.mark.parametrize("password", ["wrong horse", "", PASSWORD + "x" * 300])
async def test_a_wrong_name_and_a_wrong_password_look_alike_and_cost_the_same(
    users: MemoryUserStore,
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
        "MemoryUserStore.credentials",
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


async def test_too_many_hashes_at_once_are_refused() -> None:
    full = Passwords(threads=1, waiting_max=-1)
    with pytest.raises(Overloaded):
        await full.hash(PASSWORD)
