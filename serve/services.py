"""What the routes are given: the use cases and the guards, put together once in each replica."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from domain.limits import Limits
from serve.accounts import Accounts
from serve.commands import Commands
from serve.rate_limits import Guard
from serve.readiness import Readiness
from serve.session_registry import SessionRegistry
from serve.sessions import AccessTokens
from serve.timelines.queries import TimelineQueries
from serve.trend_queries import TrendQueries
from serve.tweets.queries import TweetQueries
from serve.users.queries import UserQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a request can need."""

    commands: Commands
    timelines: TimelineQueries
    tweets: TweetQueries
    users: UserQueries
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
