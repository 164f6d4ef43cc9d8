"""Access: who is asking, and whether they may ask this often; routes declare it as the type of a parameter."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from domain.errors import Refused, Unauthorized
from domain.ids import UserId
from serve.http.rate_limits import Guard, Limit, refusal
from serve.http.scope import COUNTED, add_headers
from serve.http.sessions import LiveSessions, Session, TokenReader
from serve.http.use_cases import use_case
from telemetry import logs


class AccessControl:
    """Finds who is asking, and lets them in or raises."""

    def __init__(self, tokens: TokenReader, sessions: LiveSessions, guard: Guard) -> None:
        self.guard = guard
        self._tokens = tokens
        self._sessions = sessions

    def session_of(self, request: Request) -> Session | None:
        """The session of the request's token, None without one; whether it still lives `admit` says.

        Raises `Unauthorized` for a bad token, and for one of a session known to have ended; `Refused` for two.
        """
        token = _token_of(request)
        if token is None:
            return None
        session = self._tokens.verify(token)
        self._sessions.refuse_ended(session.family)
        return session

    def session_to_end(self, request: Request) -> Session | None:
        """The session that the request's token names, expired or ended though it be: enough to end it."""
        token = _token_of(request)
        return None if token is None else self._tokens.named(token)

    async def admit(self, request: Request, limit: Limit, session: Session) -> None:
        """Count the request of a session's user and see that the session lives, in one trip to Redis.

        Raises `Unauthorized`, before anything else that is wrong, and `RateLimited`.
        """
        living: Awaitable[None] = self._sessions.require_live(session.family)
        if self.guard.is_on:  # else nothing is asked beside it, and a task would cost a fifth of the question
            living = asyncio.ensure_future(living)
        try:
            await self.count(request, limit, session.user)
        finally:
            await living

    async def count(self, request: Request, limit: Limit, user: UserId | None) -> None:
        """Count the request, of a user and its address or of the address alone. Raises `RateLimited`."""
        if user is not None:
            request.scope[COUNTED] = True
        allowance = await self.guard.take(limit, user, self.guard.origin(request.scope))
        if allowance is None:
            return
        add_headers(request.scope, self.guard.headers(allowance))
        if not allowance.allowed:
            raise refusal(allowance)


def _token_of(request: Request) -> str | None:
    headers = request.headers.getlist("authorization")
    if len(headers) > 1:  # whoever is asked next may believe the other one
        raise Refused("The Authorization header was sent more than once.", "repeated_authorization")
    if not headers:
        return None
    scheme, _, token = headers[0].partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("The Authorization header must be: Bearer, a space, an access token.", "invalid_token")
    return token.strip()


class _Bearer(SecurityBase):
    """Finds the user of a request. Shows in the API's description as the scheme `bearer`."""

    def __init__(self, limit: Limit, *, is_required: bool) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "bearer"
        self.limit = limit
        self.is_required = is_required

    async def __call__(self, request: Request) -> UserId | None:
        control = use_case(request, AccessControl)
        session = control.session_of(request)
        if session is not None:
            await control.admit(request, self.limit, session)
            return session.user
        if self.is_required:
            raise Unauthorized("This needs an access token.", "token_required")
        await control.count(request, self.limit, None)
        return None


def _counted(limit: Limit, *, spares_private: bool = False) -> Any:
    """Have requests counted by their addresses, whoever asks; maybe not those of who runs the service."""

    async def count(request: Request) -> None:
        control = use_case(request, AccessControl)
        origin = control.guard.origin(request.scope)
        if not (spares_private and origin.is_private):
            logs.network.set(origin.network)
            await control.count(request, limit, None)

    return Depends(count)


def member(limit: Limit) -> Any:
    """Declare the user of a parameter's request: one with a token, counted by a limit."""
    return Depends(_Bearer(limit, is_required=True))


Viewer = Annotated[UserId | None, Depends(_Bearer(Limit.READS, is_required=False))]
"""The user who reads; None without a token."""
Member = Annotated[UserId, member(Limit.READS)]
Tweeting = Annotated[UserId, member(Limit.TWEETS)]

REGISTERING = _counted(Limit.REGISTER)
LOGGING_IN = _counted(Limit.LOGIN)
OTHERWISE = _counted(Limit.READS)
PROBING = _counted(Limit.READS, spares_private=True)
