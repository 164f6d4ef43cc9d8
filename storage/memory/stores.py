"""All stores of the truth on one set of tables in memory."""

from dataclasses import dataclass

from storage.memory.coordination import MemoryCoordinationStore, MemoryDeadLetterStore
from storage.memory.counts import MemoryCountStore
from storage.memory.relations import MemoryRelationStore
from storage.memory.tables import MemoryTables, Turn, no_faults
from storage.memory.truth import MemoryEventStore, MemoryTweetStore
from storage.ports.coordination import CoordinationStore
from storage.ports.counts import CountStore
from storage.ports.dead_letters import DeadLetterStore
from storage.ports.events import EventStore
from storage.ports.relations import RelationStore
from storage.ports.tweets import TweetStore


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryStores:
    """One adapter for each port of the truth that the simulation uses."""

    tables: MemoryTables
    events: EventStore
    tweets: TweetStore
    relations: RelationStore
    counts: CountStore
    coordination: CoordinationStore
    dead_letters: DeadLetterStore


def memory_stores(*, partitions: int, turn: Turn = no_faults) -> MemoryStores:
    """Empty stores; `turn` is awaited before each call acts, and what it raises the call raises."""
    tables = MemoryTables(turn)
    return MemoryStores(
        tables=tables,
        events=MemoryEventStore(tables, partitions),
        tweets=MemoryTweetStore(tables),
        relations=MemoryRelationStore(tables),
        counts=MemoryCountStore(tables),
        coordination=MemoryCoordinationStore(turn),
        dead_letters=MemoryDeadLetterStore(turn),
    )
