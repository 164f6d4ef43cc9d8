"""Up to when everything that was made is in Redis: in the log, and in the lists and values that follow from it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.clock import Clock
from storage.log_reader import COMMITTED_MS, has_reached
from storage.ports.coordination import SETTLED, SUSPECT_UNTIL, CoordinationStore
from storage.ports.log import BEGINNING, EventLog, OffsetStore

_EVERY_MS = 15_000
"""How often the checkpoint is moved while nobody doubts Redis: who begins to asks for all that was made since."""


class _Proof(NamedTuple):
    """What was made before `made_ms` is in the log at or before these offsets."""

    made_ms: int
    ends: Mapping[int, str]


class Settled:
    """Moves the checkpoint `SETTLED` when all readers have passed what the log held, at once while there are doubts."""

    def __init__(
        self,
        readers: Sequence[str],
        *,
        log: EventLog,
        offsets: OffsetStore,
        coordination: CoordinationStore,
        clock: Clock,
    ) -> None:
        """`readers` are all who bring lists and values up to date with the log."""
        self._readers = readers
        self._log = log
        self._offsets = offsets
        self._coordination = coordination
        self._clock = clock
        self._settled_ms = 0
        self._next_ms = 0
        self._proof: _Proof | None = None

    async def step(self, begun_ms: int) -> None:
        """Take up that the log was found to lack nothing, when it was compared at some wall time."""
        if self._proof is None:
            doubted_ms = await self._coordination.checkpoint(SUSPECT_UNTIL) or 0
            if doubted_ms <= self._settled_ms and self._clock.monotonic_ms() < self._next_ms:
                return
            ends = await self._log.ends()
            self._proof = _Proof(begun_ms - COMMITTED_MS, {p: end.last for p, end in ends.items()})
        found = await asyncio.gather(*(self._offsets.offsets(reader) for reader in self._readers))
        made_ms, ends_then = self._proof
        if all(has_reached(offsets.get(p, BEGINNING), end) for offsets in found for p, end in ends_then.items()):
            await self._coordination.set_checkpoint(SETTLED, made_ms)
            self._settled_ms, self._next_ms = made_ms, self._clock.monotonic_ms() + _EVERY_MS
            self._proof = None

    def begin_again(self) -> None:
        """The log was lost, and its offsets with it."""
        self._proof = None
