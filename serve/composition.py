"""Composition: the one place where the use cases of a replica are made, for the service, simulation and tests alike."""

import asyncio

from domain.clock import Clock, Sleep
from domain.ids import IdSource
from domain.limits import Limits
from serve.accounts.commands import AccountCommands
from serve.accounts.key_ring import KeyRing
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import Passwords
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.sessions import AccessTokens
from serve.accounts.tokens import SessionTokens
from serve.config import ApiConfig
from serve.doubts import Doubts
from serve.home import HomeTimeline
from serve.http.access import AccessControl
from serve.http.origins import Origins
from serve.http.rate_limits import OFF, Guard, RateLimits
from serve.http.use_cases import UseCases
from serve.hydration import Hydrator
from serve.lists import Queries
from serve.operations.dependencies import readiness_of
from serve.pulled import PulledAuthors
from serve.rebuild import Rebuilder
from serve.relations.commands import RelationCommands
from serve.relations.targets import Targets
from serve.trends.queries import TrendQueries
from serve.tweets.commands import TweetCommands
from serve.writing.publisher import Publisher
from storage.ports import Ports


def compose(
    ports: Ports,
    clock: Clock,
    limits: Limits,
    ids: IdSource,
    *,
    partitions: int,
    sleep: Sleep = asyncio.sleep,
    guard: type[Doubts] = Doubts,
) -> UseCases:
    """Make what users do and read, once they are known; raises `UnusableKeys` never, and opens nothing."""
    doubts = guard(ports.events, ports.coordination, clock, limits, partitions, sleep)
    hydrator = Hydrator(ports.cache, ports.tweets, ports.users, ports.relations, ports.counts, doubts, limits)
    rebuilder = Rebuilder(ports.cache, ports.tweets, doubts, limits)
    pulled = PulledAuthors(ports.coordination, clock, limits)
    home = HomeTimeline(ports.cache, ports.tweets, hydrator, rebuilder, pulled, doubts, clock, limits)
    publisher = Publisher(ports.events, ports.cache, ports.log, doubts, sleep)
    targets = Targets(ports.tweets, hydrator)
    relations = RelationCommands(ports.relations, publisher, targets, hydrator, ids, clock, limits)
    return UseCases(
        TweetCommands(ports, publisher, targets, relations, ids, clock, limits),
        relations,
        Queries(home, hydrator, ports.tweets, ports.users, ports.relations, limits),
        TrendQueries(ports.trends, ports.panes),
        hydrator,
        limits,
    )


def compose_service(ports: Ports, clock: Clock, ids: IdSource, config: ApiConfig) -> UseCases:
    """Make all of the service: accounts, access and readiness too. Raises `UnusableKeys`."""
    limits = config.stores.limits
    rates = RateLimits() if config.rate_limits_on else OFF
    access_tokens = AccessTokens(KeyRing(config.jwt_keys, clock), clock)
    sessions = SessionRegistry(ports.cache, ports.tokens, limits)
    guard = Guard(ports.limiter, clock, rates, Origins(config.trusted_proxies))
    throttle = LoginThrottle(ports.limiter, ports.cache, rates)
    return compose(ports, clock, limits, ids, partitions=config.stores.partitions).including(
        AccountCommands(
            ports.users, ids, Passwords(), SessionTokens(ports.tokens, access_tokens, clock), throttle, sessions
        ),
        access_tokens,
        AccessControl(access_tokens, sessions, guard),
        guard,
        readiness_of(ports, config.actors, clock),
    )
