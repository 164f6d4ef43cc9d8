"""Staying logged in, and how a session ends."""

import pytest
from structlog.testing import capture_logs

from domain.clock import ManualClock
from domain.errors import StoreUnavailable, Unauthorized
from domain.limits import SMALL
from serve.accounts.commands import AccountCommands
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import REFRESH_TTL_S, SESSION_S, TTL_S, AccessTokens
from telemetry import logs, metrics
from tests.unit.serve.accounts.conftest import NETWORK, PASSWORD, FailingRedis, Tokens


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
