"""All stores of the truth on one set of tables in memory."""

from dataclasses import dataclass

from storage.memory.coordination import MemoryCoordinationStore, MemoryDeadLetterStore
from storage.memory.tables import MemoryTables, Turn, no_faults
from storage.memory.truth import MemoryEngagementStore, MemoryEventStore, MemoryGraphStore, MemoryTweetStore
from storage.ports.coordination import CoordinationStore
from storage.ports.dead_letters import DeadLetterStore
from storage.ports.events import EventStore
from storage.ports.relations import EngagementStore, GraphStore
from storage.ports.tweets import TweetStore


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStores:
    """One adapter for each port of the truth that the simulation uses."""

    tables: MemoryTables
    events: EventStore
    tweets: TweetStore
    graph: GraphStore
    engagements: EngagementStore
    coordination: CoordinationStore
    dead_letters: DeadLetterStore


def memory_stores(*, partitions: int, turn: Turn = no_faults) -> MemoryStores:
    """Empty stores; `turn` is awaited before each call acts, and what it raises the call raises."""
    tables = MemoryTables(turn)
    return MemoryStores(
        tables=tables,
        events=MemoryEventStore(tables, partitions),
        tweets=MemoryTweetStore(tables),
        graph=MemoryGraphStore(tables),
        engagements=MemoryEngagementStore(tables),
        coordination=MemoryCoordinationStore(turn),
        dead_letters=MemoryDeadLetterStore(turn),
    )
