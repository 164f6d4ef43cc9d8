"""The actors as the supervisor sees them, and the health record of each."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from actors.hosting import Health

_BEAT_AGE_MS_MAX = 10_000
"""A loop whose last turn is older than this is stuck: turns are bounded, and so is every call that they make."""

_STUCK_AFTER_MS = 5_000
_COME_UP_MS = 60_000


class MonitoredActors(Protocol):
    """The actors by name. All but asking for health may raise `StoreUnavailable`, and can be done again."""

    async def health(self, name: str) -> Health | None:
        """The health of one; None if it does not answer in time."""
        ...

    async def restart(self, name: str) -> None:
        """End its process, however stuck, so that it is started again; make it if there is none."""
        ...

    async def existing_scaled(self) -> Collection[str]:
        """The names of fan-out shards and counters that exist, whether they are well or not."""
        ...

    async def nodes(self) -> Mapping[str, bool]:
        """The nodes that actors may run on, and whether there is room for one more now; none that is about to leave."""
        ...

    async def make(self, name: str, node: str | None) -> None:
        """Make a shard or counters, unless they exist; on that node if it can be."""
        ...

    async def end(self, name: str) -> None:
        """End one of them for good, in order if it can; bounded."""
        ...


@dataclass(slots=True)
class HealthRecord:
    """The health of one actor as it was found; times are monotonic ms."""

    failing_since_ms: int | None = None
    """Since when it has not been well: it does not answer, or has no component yet."""
    node: str | None = None
    """The node on which it last said that it runs."""
    _silent_since_ms: int | None = None
    """Since when its loop has not gone round; a new restart begins a new wait."""
    _came_up: bool = False
    """True if its loop has gone round since it was last restarted: coming up takes longer than answering."""

    def note(self, health: Health | None, now_ms: int) -> None:
        """Take up an answer, or that there was none."""
        turns = health is not None and health.beat_age_ms < _BEAT_AGE_MS_MAX
        well = turns and health is not None and health.running
        if health is not None:
            self.node = health.node
        if well or self.failing_since_ms is None:
            self.failing_since_ms = None if well else now_ms
        if turns:
            self._came_up, self._silent_since_ms = True, None
        elif self._silent_since_ms is None:
            self._silent_since_ms = now_ms

    def stuck_ms(self, now_ms: int) -> int | None:
        """The time for which its loop has been silent, if that is too long."""
        if self._silent_since_ms is None:
            return None
        silent_ms = now_ms - self._silent_since_ms
        return silent_ms if silent_ms >= (_STUCK_AFTER_MS if self._came_up else _COME_UP_MS) else None

    def restarted(self, now_ms: int) -> None:
        """Wait for it to come up, from now on."""
        self._came_up, self._silent_since_ms = False, now_ms
