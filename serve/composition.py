"""Composition: the one place where the use cases of a replica are made, for the service, simulation and tests alike."""

import asyncio
from dataclasses import replace

from domain.clock import Clock, Sleep
from domain.ids import IdSource
from domain.limits import Limits
from serve.accounts.commands import AccountCommands
from serve.accounts.key_ring import KeyRing
from serve.accounts.login_throttle import LoginThrottle
from serve.accounts.passwords import Passwords
from serve.accounts.session_registry import SessionRegistry
from serve.accounts.tokens import AccessTokens, SessionTokens
from serve.config import ApiConfig
from serve.http.access import AccessControl
from serve.http.origins import Origins
from serve.http.rate_limits import OFF, Guard, RateLimits
from serve.http.use_cases import UseCases
from serve.muted_words.commands import MutedWordCommands
from serve.muted_words.queries import MutedWordQueries
from serve.operations.readiness import readiness_of
from serve.reading.guarded_cache import GuardedCache
from serve.reading.readers import Readers
from serve.reading.staleness import StalenessGuard
from serve.relations.commands import RelationCommands
from serve.relations.follow_commands import FollowCommands
from serve.relations.queries import RelationQueries
from serve.timelines.home_lists import HomeLists, pulled_authors
from serve.timelines.queries import TimelineQueries
from serve.timelines.rebuild import Rebuilder
from serve.trends.queries import TrendQueries
from serve.tweets.commands import TweetCommands
from serve.tweets.queries import TweetQueries
from serve.tweets.threads import Threads
from serve.users.commands import UserCommands
from serve.users.queries import UserQueries
from serve.writing.publisher import Publisher
from serve.writing.targets import Targets
from storage.ports import Ports


def compose(
    ports: Ports,
    clock: Clock,
    limits: Limits,
    ids: IdSource,
    *,
    partitions: int,
    sleep: Sleep = asyncio.sleep,
    guard_of: type[StalenessGuard] = StalenessGuard,
) -> UseCases:
    """Make what users do and read. Nothing is opened, and nothing is read yet."""
    guard = guard_of(ports.events, ports.coordination, clock, limits, partitions, sleep)
    cache = GuardedCache(ports.cache, guard)
    readers = Readers(replace(ports, cache=cache), guard.refresh, guard.missing_acts, clock, limits)
    rebuilder = Rebuilder(cache, ports.tweets, limits)
    pulled = pulled_authors(ports.coordination, clock, limits)
    lists = HomeLists(cache, readers.relations, rebuilder, pulled, guard.missing_entries, clock, limits)
    publisher = Publisher(ports.events, ports.cache, ports.log, guard, sleep)
    targets = Targets(ports.tweets, readers)
    relations = RelationCommands(ports.relations, publisher, targets, readers.relations, ids, clock, limits)
    return UseCases(
        limits,
        readers,
        publisher,
        relations,
        FollowCommands(ports.relations, relations, targets),
        TweetCommands(ports, publisher, targets, relations.turn_off, ids, clock, limits),
        UserCommands(ports.users, publisher, ids, clock),
        MutedWordCommands(ports.muted_words, publisher, ids, clock, limits),
        MutedWordQueries(ports.muted_words, clock),
        RelationQueries(readers, ports.relations, limits),
        TimelineQueries(lists, readers, ports.tweets, clock, limits),
        TweetQueries(readers, ports.tweets, limits),
        Threads(readers, ports.tweets, limits),
        UserQueries(readers, ports.users),
        TrendQueries(ports.trends, ports.panes, readers),
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
