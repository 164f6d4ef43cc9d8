"""Ports of the stores, as promises; `Ports` holds one adapter of each.

Common to all: any call may raise `StoreUnavailable` within the store's time limit (at most 3 s), and a write that
raised may have happened; every write may be repeated and then changes nothing more; pages are newest first and hold
at most `limit` items, fewer only where the list ends; `before` is exclusive.
"""

from dataclasses import dataclass

from storage.ports.cache import CacheStore
from storage.ports.coordination import CoordinationStore
from storage.ports.counts import CountStore
from storage.ports.dead_letters import DeadLetterStore
from storage.ports.events import EventStore
from storage.ports.idempotency import IdempotencyStore
from storage.ports.log import EventLog
from storage.ports.muted_words import MutedWordStore
from storage.ports.offsets import OffsetStore
from storage.ports.outputs import OutputStore
from storage.ports.rate_limits import RateLimiter
from storage.ports.relations import RelationStore
from storage.ports.sessions import TokenStore
from storage.ports.trends import PaneStore, TrendStore
from storage.ports.tweets import TweetStore
from storage.ports.users import UserStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One adapter of every port, as one process uses them."""

    events: EventStore
    tweets: TweetStore
    relations: RelationStore
    counts: CountStore
    users: UserStore
    muted_words: MutedWordStore
    tokens: TokenStore
    idempotency: IdempotencyStore
    coordination: CoordinationStore
    dead_letters: DeadLetterStore
    panes: PaneStore
    outputs: OutputStore
    """In Cassandra."""

    log: EventLog
    offsets: OffsetStore
    cache: CacheStore
    limiter: RateLimiter
    trends: TrendStore
    cached_outputs: OutputStore
    """In Redis."""
