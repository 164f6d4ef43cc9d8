"""Hashtags by the minute, and the tops of every place and window."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from domain.trends.tag_counts import PaneCount


class PaneStore(Protocol):
    """Counts of each tag in each minute, everywhere; kept 30 days after the last write."""

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        """Write what panes hold, in absolute numbers; where a writer with a later stamp wrote before, that stays.

        Each pane is written whole or not at all; of several panes some may have been written if this raises.
        """

    async def panes(self, normalized_tag: str, first: int, last: int) -> list[PaneCount]:
        """A tag's panes `first` to `last`, both included, oldest first; those that hold nothing are left out."""


class TrendStore(Protocol):
    """The top of every place in every window, as it was computed last; gone an hour after the last of it came."""

    async def publish(
        self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None = None
    ) -> bool:
        """Set the tops of some places, take out those that are `gone`, and date the whole window, all at once.

        Places that are not named stay as they were; with `gone=None` none of them stays. Returns whether it was done:
        it is not if a later state is there already, nor if places shall stay in a window that is lost.
        """

    async def top(self, window: str, place: str) -> tuple[int, bytes | None] | None:
        """The wall time up to which a window is complete and the top of a place in it, None if it has none.

        None instead of both if nothing was published for the window.
        """
