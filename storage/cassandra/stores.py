"""All adapters of Cassandra on one session."""

from storage.cassandra.coordination import CassandraCoordinationStore
from storage.cassandra.counts import CassandraCountStore
from storage.cassandra.dead_letters import CassandraDeadLetterStore
from storage.cassandra.driver.options import CassandraOptions
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.events import CassandraEventStore
from storage.cassandra.idempotency import CassandraIdempotencyStore
from storage.cassandra.muted_words import CassandraMutedWordStore
from storage.cassandra.outputs import CassandraOutputStore
from storage.cassandra.relations import CassandraRelationStore
from storage.cassandra.sessions import CassandraTokenStore
from storage.cassandra.trends import CassandraPaneStore
from storage.cassandra.tweets import CassandraTweetStore
from storage.cassandra.users import CassandraUserStore


class CassandraStores:
    """One adapter for each port that Cassandra keeps; they belong to the event loop that opened them."""

    def __init__(self, session: CassandraSession, partitions: int) -> None:
        self.session = session
        self.events = CassandraEventStore(session, partitions)
        self.tweets = CassandraTweetStore(session)
        self.relations = CassandraRelationStore(session)
        self.counts = CassandraCountStore(session)
        self.users = CassandraUserStore(session)
        self.muted_words = CassandraMutedWordStore(session)
        self.tokens = CassandraTokenStore(session)
        self.idempotency = CassandraIdempotencyStore(session)
        self.coordination = CassandraCoordinationStore(session)
        self.dead_letters = CassandraDeadLetterStore(session)
        self.panes = CassandraPaneStore(session)
        self.outputs = CassandraOutputStore(session)

    async def close(self) -> None:
        await self.session.close()


async def open_stores(options: CassandraOptions, *, partitions: int) -> CassandraStores:
    """Connect to a keyspace that is up to date (`schema.migrate`); `partitions` is the number of log partitions.

    Raises `StoreUnavailable` within 3 s.
    """
    return CassandraStores(await CassandraSession.connect(options), partitions)
