"""Rows of data teams' dataflows."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class OutputStore(Protocol):
    """Rows that dataflows of data teams found out, as JSON; here or in Redis."""

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        """Write rows by key; the last one written stays. Some may have been written if this raises."""

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        """The rows of some keys; the absent are left out."""
