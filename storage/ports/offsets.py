"""Offsets: how far each consumer of the log has come."""

from collections.abc import Mapping
from typing import Protocol


class OffsetStore(Protocol):
    """Offsets of each consumer; the writes of an earlier epoch are refused."""

    async def claim(self, name: str, epoch: int) -> dict[int, str]:
        """Fence off earlier epochs of a reader and get its offsets. Raises `Fenced` if a later epoch claimed."""

    async def save(self, names: Mapping[str, int], offsets: Mapping[int, str]) -> None:
        """Save the same offsets for several readers (name → epoch). Raises `Fenced` if any is no longer ours."""

    async def offsets(self, name: str) -> dict[int, str]:
        """A reader's offsets, without claiming it (for whoever shows the lag)."""
