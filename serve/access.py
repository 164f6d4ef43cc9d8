"""Who is asking, and whether they may ask this often: what routes declare as the type of a parameter."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from typing_extensions import override

from domain.errors import Unauthorized
from domain.ids import UserId
from serve.middleware import add_headers
from serve.rate_limits import Limit, refusal
from serve.refusals import counted_for_a_user
from serve.services import Services, services_of
from serve.sessions import Session
from telemetry import logs


def session_of(request: Request, services: Services) -> Session | None:
    """The session of the request's token, None without one. Raises `Unauthorized` for a bad one."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorized("The Authorization header must be: Bearer, a space, an access token.", "invalid_token")
    return services.sessions.verify(token.strip())


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
        user = session.user if session else None
        await count(request, services, self.limit, user)
        return user


class _Member(_Bearer):
    async def __call__(self, request: Request) -> UserId:
        services = services_of(request)
        session = session_of(request, services)
        if session is None:
            raise Unauthorized("This needs an access token.", "token_required")
        await count(request, services, self.limit, session.user)
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
