"""The actors by name, and the consumers of the log among them."""

from actors.consumers.conflicts import Conflicts
from actors.consumers.counts import Counts
from actors.consumers.fanout_shard import range_consumer
from actors.consumers.log_consumer import Handler, part_consumer
from actors.consumers.opened_accounts import OpenedAccounts
from actors.consumers.pull_threshold import PullThreshold
from actors.consumers.repair import Invalidation, Repair
from domain.clock import Clock
from domain.ids import COUNT_PARTS, RANGES
from domain.limits import Limits
from storage.leased_ids import LeasedIds
from storage.ports import Ports

COUNTERS, RECONCILER, SUPERVISOR = "counters", "reconciler", "supervisor"
CONSUMERS = {
    COUNTERS: tuple(part_consumer(COUNTERS, part) for part in range(COUNT_PARTS)),
    "fanout": tuple(map(range_consumer, range(RANGES))),
}
"""The names under which offsets are kept, by the name under which their lag is shown."""


def counters_handlers(
    ports: Ports, clock: Clock, limits: Limits, threshold: PullThreshold, ids: LeasedIds
) -> tuple[Handler, ...]:
    """The handlers of the counters, in the order in which each batch passes them."""
    conflicts = Conflicts(ports, clock, ids)
    return (
        Invalidation(ports.cache),
        Counts(ports, limits, threshold),
        Repair(ports),
        conflicts,
        OpenedAccounts(ports, conflicts, limits),
    )
