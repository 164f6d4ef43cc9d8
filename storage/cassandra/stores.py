"""All adapters of Cassandra on one session."""

from dataclasses import dataclass

from storage.cassandra.coordination import CassandraCoordinationStore
from storage.cassandra.counts import CassandraCountStore
from storage.cassandra.dead_letters import CassandraDeadLetterStore
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.events import CassandraEventStore
from storage.cassandra.idempotency import CassandraIdempotencyStore
from storage.cassandra.outputs import CassandraOutputStore
from storage.cassandra.relations import CassandraRelationStore
from storage.cassandra.sessions import CassandraTokenStore
from storage.cassandra.trends import CassandraPaneStore
from storage.cassandra.tweets import CassandraTweetStore
from storage.cassandra.users import CassandraUserStore
from storage.ports.coordination import CoordinationStore
from storage.ports.counts import CountStore
from storage.ports.dead_letters import DeadLetterStore
from storage.ports.events import EventStore
from storage.ports.idempotency import IdempotencyStore
from storage.ports.outputs import OutputStore
from storage.ports.relations import RelationStore
from storage.ports.sessions import TokenStore
from storage.ports.trends import PaneStore
from storage.ports.tweets import TweetStore
from storage.ports.users import UserStore


@dataclass(frozen=True, slots=True, kw_only=True)
class CassandraStores:
    """One adapter for each port that Cassandra keeps; they belong to the event loop that opened them."""

    session: CassandraSession
    events: EventStore
    tweets: TweetStore
    relations: RelationStore
    counts: CountStore
    users: UserStore
    tokens: TokenStore
    idempotency: IdempotencyStore
    coordination: CoordinationStore
    dead_letters: DeadLetterStore
    panes: PaneStore
    outputs: OutputStore

    async def close(self) -> None:
        """Close the connection."""
        await self.session.close()


async def open_stores(options: CassandraOptions, *, partitions: int) -> CassandraStores:
    """Connect to a keyspace that is up to date (`schema.migrate`); `partitions` is the number of log partitions.

    Raises `StoreUnavailable` within 3 s.
    """
    session = await CassandraSession.connect(options)
    return CassandraStores(
        session=session,
        events=CassandraEventStore(session, partitions),
        tweets=CassandraTweetStore(session),
        relations=CassandraRelationStore(session),
        counts=CassandraCountStore(session),
        users=CassandraUserStore(session),
        tokens=CassandraTokenStore(session),
        idempotency=CassandraIdempotencyStore(session),
        coordination=CassandraCoordinationStore(session),
        dead_letters=CassandraDeadLetterStore(session),
        panes=CassandraPaneStore(session),
        outputs=CassandraOutputStore(session),
    )
