"""Up to when everything that was made is in Redis: in the log, and in the lists and values that follow from it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.clock import Clock
from storage.log_reader import COMMITTED_MS, has_reached
from storage.ports import DOUBTED, NOWHERE, SETTLED, CoordinationStore, EventLog, PositionStore

_EVERY_MS = 15_000
"""How often the mark is moved while nobody doubts Redis: who begins to asks for all that was made since."""


class _Proof(NamedTuple):
    """What was made before `made_ms` is in the log at or before these positions."""

    made_ms: int
    ends: Mapping[int, str]


class Settled:
    """Moves the mark `SETTLED` when all readers have come past what the log held, at once while there are doubts."""

    def __init__(
        self,
        readers: Sequence[str],
        *,
        log: EventLog,
        positions: PositionStore,
        coordination: CoordinationStore,
        clock: Clock,
    ) -> None:
        """`readers` are all who bring lists and values up to date with the log."""
        self._readers = readers
        self._log = log
        self._positions = positions
        self._coordination = coordination
        self._clock = clock
        self._settled_ms = 0
        self._next_ms = 0
        self._proof: _Proof | None = None

    async def step(self, begun_ms: int) -> None:
        """Take up that the log was found to lack nothing, when it was compared at some wall time."""
        if self._proof is None:
            doubted_ms = await self._coordination.mark(DOUBTED) or 0
            if doubted_ms <= self._settled_ms and self._clock.monotonic_ms() < self._next_ms:
                return
            tails = await self._log.tails()
            self._proof = _Proof(begun_ms - COMMITTED_MS, {p: tail.last for p, tail in tails.items()})
        found = await asyncio.gather(*(self._positions.positions(reader) for reader in self._readers))
        made_ms, ends = self._proof
        if all(has_reached(positions.get(p, NOWHERE), end) for positions in found for p, end in ends.items()):
            await self._coordination.set_mark(SETTLED, made_ms)
            self._settled_ms, self._next_ms = made_ms, self._clock.monotonic_ms() + _EVERY_MS
            self._proof = None

    def begin_again(self) -> None:
        """The log was lost, and its positions with it."""
        self._proof = None
