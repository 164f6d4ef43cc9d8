"""Signing up, logging in and staying logged in."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.clock import Clock
from domain.errors import Unauthorized
from domain.ids import IdSource, SessionId, UserId
from domain.names import normalized_name
from domain.passwords import PASSWORD_CHARS_MAX, normalized_password
from domain.registration import NOBODY, check_registration, normalized_login
from domain.users import NAME_CHARS_MAX, User
from serve.accounts import security_log
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import Passwords
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.sessions import TTL_S, AccessTokens, Session, seconds_left
from serve.http import errors
from storage.ports.sessions import TokenStore, TokenUse
from storage.ports.users import UserStore

REFRESH_TTL_S: Final = 30 * 86_400
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client stays logged in with; the refresh token is used once."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int
    """Seconds."""
    refresh_token: str


class Accounts:
    """Users' credentials and their sessions.

    The refresh tokens that follow from one log-in are a family, which ends as a whole, after a year at the latest.
    """

    def __init__(
        self,
        users: UserStore,
        tokens: TokenStore,
        ids: IdSource,
        passwords: Passwords,
        access: AccessTokens,
        throttle: LoginThrottle,
        sessions: SessionRegistry,
        clock: Clock,
        *,
        new_secret: Callable[[], str] = lambda: secrets.token_urlsafe(_SECRET_BYTES),
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._ids = ids
        self._passwords = passwords
        self._access = access
        self._throttle = throttle
        self._sessions = sessions
        self._clock = clock
        self._new_secret = new_secret

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
        """Begin a session by username or e-mail address. Raises `Unauthorized`, `RateLimited` and `Overloaded`.

        Args:
            login: The username or the address.
            password: In clear.
            network: Where the request comes from, see `LoginThrottle`.
        """
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
            security_log.log_in_failed(found.user if found else None)
            raise Unauthorized("The login or the password is wrong.", "invalid_credentials")
        return found.user

    async def refresh(self, refresh_token: str) -> Tokens:
        """Exchange a refresh token; one that was used before ends its family. Raises `Unauthorized`."""
        errors.writing.set(True)
        spent = await self._tokens.spend(_hashed(refresh_token))
        if spent is not None and spent.use is TokenUse.REUSE:
            security_log.refresh_token_reused(spent.user)
            await self._sessions.end(spent.family)
            security_log.session_revoked(spent.user, by="reuse")
        elif spent is not None and spent.use is TokenUse.REVOKED:  # who ended it may have died, or got no answer
            await self._sessions.end(spent.family)
        if spent is None or spent.use is not TokenUse.FIRST:
            raise _invalid_refresh_token()
        return await self._issue(spent.user, spent.family)

    async def logout(self, session: Session | None, refresh_token: str | None) -> None:
        """End the session of an access token, and that of a refresh token; unknown ones have ended already.

        On return every replica refuses their tokens. Raises `StoreUnavailable` and may be repeated.
        """
        if session is not None:
            await self._sessions.end(session.family)
            security_log.session_revoked(session.user, by="log_out")
        if refresh_token is not None and (spent := await self._tokens.spend(_hashed(refresh_token))) is not None:
            await self._sessions.end(spent.family)
            if spent.use is not TokenUse.REVOKED:  # not by this log-out, nor before
                security_log.session_revoked(spent.user, by="log_out")

    async def _begin(self, user: UserId) -> Tokens:
        return await self._issue(user, SessionId(self._ids.next()))

    async def _issue(self, user: UserId, family: SessionId) -> Tokens:
        left_s = seconds_left(family, self._clock.now_ms())
        if left_s <= 0:
            raise _invalid_refresh_token()
        refresh_token, access_s = self._new_secret(), min(TTL_S, left_s)
        await self._tokens.issue(_hashed(refresh_token), user, family, min(REFRESH_TTL_S, left_s))
        return Tokens(
            access_token=self._access.issue(user, family, access_s), expires_in=access_s, refresh_token=refresh_token
        )


def _invalid_refresh_token() -> Unauthorized:
    return Unauthorized("The refresh token is unknown, used or revoked.", "invalid_refresh_token")


def _hashed(token: str) -> str:
    """What is stored of a token; it is random enough for a plain hash."""
    return hashlib.sha256(token.encode()).hexdigest()
