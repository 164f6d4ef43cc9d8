"""The applied watermark: every event up to this time is in Redis, in the log and in all that follows from it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain.clock import Clock
from storage.log_reader import COMMITTED_MS, has_reached
from storage.ports import Ports
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL
from storage.ports.log import BEGINNING

_EVERY_MS = 15_000
"""The interval of moving it while Redis is not suspect: a replica that suspects it reads all events made since."""


class _Proof(NamedTuple):
    """Evidence that is complete when all consumers reach these offsets: what was made before `made_ms` lies there."""

    made_ms: int
    ends: Mapping[int, str]


class AppliedWatermark:
    """Moves the checkpoint `APPLIED` when all consumers have passed what the log held, at once while Redis is suspect.

    `consumers` are all who bring lists and values up to date with the log.
    """

    def __init__(self, consumers: Sequence[str], ports: Ports, clock: Clock) -> None:
        self._consumers = consumers
        self._ports = ports
        self._clock = clock
        self._applied_ms = 0
        self._next_ms = 0
        self._proof: _Proof | None = None

    async def step(self, begun_ms: int) -> None:
        """Take up that the log was found to lack nothing, when it was compared at some wall time."""
        if self._proof is None:
            suspect_until_ms = await self._ports.coordination.checkpoint(SUSPECT_UNTIL) or 0
            if suspect_until_ms <= self._applied_ms and self._clock.monotonic_ms() < self._next_ms:
                return
            ends = await self._ports.log.ends()
            self._proof = _Proof(begun_ms - COMMITTED_MS, {p: end.last for p, end in ends.items()})
        found = await asyncio.gather(*(self._ports.offsets.offsets(consumer) for consumer in self._consumers))
        made_ms, ends_then = self._proof
        if all(has_reached(offsets.get(p, BEGINNING), end) for offsets in found for p, end in ends_then.items()):
            await self._ports.coordination.set_checkpoint(APPLIED, made_ms)
            self._applied_ms, self._next_ms = made_ms, self._clock.monotonic_ms() + _EVERY_MS
            self._proof = None

    def start_anew(self) -> None:
        """Forget the offsets that were waited for: the log was lost, and they with it."""
        self._proof = None
