"""What the routes are given: the use cases and the guards, put together once in each replica."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from domain.limits import Limits
from serve.accounts.commands import Accounts
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.sessions import AccessTokens
from serve.http.rate_limits import Guard
from serve.lists import Queries
from serve.operations.readiness import Readiness
from serve.trends.queries import TrendQueries
from serve.tweets.commands import Commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a request can need."""

    commands: Commands
    queries: Queries
    trends: TrendQueries
    accounts: Accounts
    sessions: AccessTokens
    session_registry: SessionRegistry
    guard: Guard
    readiness: Readiness
    limits: Limits


def services_of(request: Request) -> Services:
    """The services of the application that a request came to."""
    return cast(Services, request.app.state.services)


async def _provided(request: Request) -> Services:
    return services_of(request)


Provided = Annotated[Services, Depends(_provided)]
