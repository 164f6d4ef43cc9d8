"""Who is asking, and whether they may ask this often: what routes declare as the type of a parameter."""

import asyncio
from collections.abc import Awaitable
from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from typing_extensions import override

from domain.errors import Refused, Unauthorized
from domain.ids import UserId
from serve.accounts.sessions import Session
from serve.http.middleware import add_headers
from serve.http.rate_limits import Limit, refusal
from serve.http.refusals import counted_for_a_user
from serve.http.use_cases import Services, services_of
from telemetry import logs


def session_of(request: Request, services: Services) -> Session | None:
    """The session of the request's token, None without one; whether it still lives `admit` says.

    Raises `Unauthorized` for a bad token, and for one of a session that is known to have ended; `Refused` for two.
    """
    token = _token_of(request)
    if token is None:
        return None
    session = services.sessions.verify(token)
    services.session_registry.refuse_ended(session.family)
    return session


def session_to_end(request: Request, services: Services) -> Session | None:
    """The session that the request's token names, expired or ended though it be: enough to end it."""
    token = _token_of(request)
    return None if token is None else services.sessions.named(token)


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


async def admit(request: Request, services: Services, limit: Limit, session: Session) -> None:
    """Count the request of a session's user and see that the session lives, in one trip to Redis.

    Raises `Unauthorized`, before anything else that is wrong, and `RateLimited`.
    """
    living: Awaitable[None] = services.session_registry.require_live(session.family)
    if services.guard.is_on:  # else nothing is asked beside it, and a task would cost a fifth of the question
        living = asyncio.ensure_future(living)
    try:
        await count(request, services, limit, session.user)
    finally:
        await living


async def count(request: Request, services: Services, limit: Limit, user: UserId | None) -> None:
    """Count the request, of a user and its address or of the address alone. Raises `RateLimited`."""
    if user is not None:
        counted_for_a_user(request.scope)
    allowance = await services.guard.take(limit, user, services.guard.origin(request.scope))
    if allowance is None:
        return
    add_headers(request.scope, services.guard.headers(allowance))
    if not allowance.allowed:
        raise refusal(allowance)


class _Bearer(SecurityBase):
    """Shows in the API's description as the scheme `bearer`."""

    def __init__(self, limit: Limit) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "bearer"
        self.limit = limit


class _Anybody(_Bearer):
    async def __call__(self, request: Request) -> UserId | None:
        services = services_of(request)
        session = session_of(request, services)
        if session is None:
            await count(request, services, self.limit, None)
            return None
        await admit(request, services, self.limit, session)
        return session.user


class _Member(_Bearer):
    async def __call__(self, request: Request) -> UserId:
        services = services_of(request)
        session = session_of(request, services)
        if session is None:
            raise Unauthorized("This needs an access token.", "token_required")
        await admit(request, services, self.limit, session)
        return session.user


class _Counted:
    """Counts a request by its address, whoever asks."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    async def __call__(self, request: Request) -> None:
        services = services_of(request)
        logs.network.set(services.guard.origin(request.scope).network)
        await count(request, services, self.limit, None)


class _Probed(_Counted):
    """Counts who looks whether the service lives, unless they are those who run it."""

    @override
    async def __call__(self, request: Request) -> None:
        if not services_of(request).guard.origin(request.scope).is_private:
            await super().__call__(request)


Viewer = Annotated[UserId | None, Depends(_Anybody(Limit.READS))]
"""Who reads, if they said so."""
Member = Annotated[UserId, Depends(_Member(Limit.READS))]
Tweeting = Annotated[UserId, Depends(_Member(Limit.TWEETS))]
Following = Annotated[UserId, Depends(_Member(Limit.FOLLOWS))]
Liking = Annotated[UserId, Depends(_Member(Limit.LIKES))]

REGISTERING = Depends(_Counted(Limit.REGISTER))
LOGGING_IN = Depends(_Counted(Limit.LOGIN))
OTHERWISE = Depends(_Counted(Limit.READS))
PROBING = Depends(_Probed(Limit.READS))
