"""Signing up, logging in and staying logged in."""

from typing import Literal

from domain.errors import Unauthorized
from domain.ids import IdSource, SessionId, UserId
from domain.names import normalized_name
from domain.passwords import PASSWORD_CHARS_MAX, normalized_password
from domain.registration import NOBODY, check_registration, normalized_login
from domain.users import NAME_CHARS_MAX, User
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import Passwords
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import SessionTokens, Tokens, invalid_refresh_token
from serve.http import errors
from serve.http.sessions import Session
from storage.ports.sessions import TokenUse
from storage.ports.users import UserStore
from telemetry import logs, metrics


class AccountCommands:
    """Users' credentials and their sessions.

    The refresh tokens that follow from one log-in are a family, which ends as a whole, after a year at the latest.
    """

    def __init__(
        self,
        users: UserStore,
        ids: IdSource,
        passwords: Passwords,
        tokens: SessionTokens,
        throttle: LoginThrottle,
        sessions: SessionRegistry,
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._ids = ids
        self._passwords = passwords
        self._throttle = throttle
        self._sessions = sessions

    async def register(self, username: str, email: str, password: str, name: str | None) -> tuple[UserId, Tokens]:
        """Sign somebody up, with a normalized address.

        Raises `Invalid`, `Conflict` (`username_reserved`, `username_taken`, `email_taken`), `Overloaded`.
        """
        shown = username if name is None else normalized_name(name, NAME_CHARS_MAX)
        password = normalized_password(password)
        check_registration(username, email, shown, password)
        user = UserId(self._ids.next())
        password_hash = await self._passwords.hash(password)
        errors.writing.set(True)
        await self._users.create(User(id=user, username=username, name=shown), email, password_hash)
        return user, await self._begin(user)

    async def login(self, login: str, password: str, network: str) -> tuple[UserId, Tokens]:
        """Begin a session by username or e-mail address. Raises `Unauthorized`, `RateLimited` and `Overloaded`."""
        named, password = normalized_login(login), normalized_password(password)
        # What can be nobody's is counted as it came: all who mistype have not one bucket.
        async with self._throttle.attempt(login if named == NOBODY else named, network):
            user = await self._who_logs_in(named, password)
        return user, await self._begin(user)

    async def _who_logs_in(self, login: str, password: str) -> UserId:
        """Takes as long for a login that nobody has: who exists must not show."""
        found = await self._users.credentials(login)
        known_hash = found.password_hash if found and len(password) <= PASSWORD_CHARS_MAX else None
        matched = await self._passwords.matches(known_hash, password[:PASSWORD_CHARS_MAX])
        if found is None or not matched:
            metrics.FAILED_LOG_INS.record()
            _log("log-in failed", found.user if found else None)
            raise Unauthorized("The login or the password is wrong.", "invalid_credentials")
        return found.user

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token; one that was used before ends its family. Raises `Unauthorized`."""
        errors.writing.set(True)
        spent = await self._tokens.spend(refresh_token)
        if spent is not None and spent.use is TokenUse.REUSE:
            metrics.REFRESH_TOKENS_REUSED.record()
            _log("refresh token reused", spent.user)  # stolen, or its client did not get the first answer
            await self._sessions.end(spent.family)
            _session_revoked(spent.user, by="reuse")
        elif spent is not None and spent.use is TokenUse.REVOKED:  # who ended it may have died, or got no answer
            await self._sessions.end(spent.family)
        if spent is None or spent.use is not TokenUse.FIRST:
            raise invalid_refresh_token()
        return await self._tokens.issue(spent.user, spent.family)

    async def logout(self, session: Session | None, refresh_token: str | None) -> None:
        """End the session of an access token, and that of a refresh token; unknown ones have ended already.

        On return every replica refuses their tokens. Raises `StoreUnavailable` and may be repeated.
        """
        if session is not None:
            await self._sessions.end(session.family)
            _session_revoked(session.user, by="log_out")
        if refresh_token is not None and (spent := await self._tokens.spend(refresh_token)) is not None:
            await self._sessions.end(spent.family)
            if spent.use is not TokenUse.REVOKED:  # not by this log-out, nor before
                _session_revoked(spent.user, by="log_out")

    async def _begin(self, user: UserId) -> Tokens:
        return await self._tokens.issue(user, SessionId(self._ids.next()))


def _session_revoked(user: UserId, by: Literal["log_out", "reuse"]) -> None:
    """Log that a family of refresh tokens was ended before its time."""
    metrics.SESSIONS_REVOKED.record(by=by)
    _log("session revoked", user, by=by)


def _log(words: str, user: UserId | None, **fields: str) -> None:
    """Log a sign of an attack: on whose account, from which network; never a password, a token or a full address."""
    logs.logger().warning(words, network=logs.network.get(), user=user, **fields)
