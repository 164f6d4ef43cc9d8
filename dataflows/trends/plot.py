"""A picture of what trended: how often the top tags were used over time. Only drawing needs matplotlib."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from math import nan
from pathlib import Path
from typing import Any

from domain.trends.tag_counts import TOP_MAX

TAGS_MAX = 8
_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Emoji")
"""The first that has a character draws it; those that are not installed are passed over."""


class TrendsPlot:
    """Collects rows of `ranking_files.rows_of`, and draws the tags that were used most at any time."""

    def __init__(self, window: str, location: str) -> None:
        self._title = f"Hashtags in {window}{f' at {location}' if location else ''}"
        self._absent: dict[datetime, float] = {}
        """The count of a tag that a ranking does not name: 0 if the ranking is short, else unknown."""
        self._counts: dict[str, dict[datetime, int]] = defaultdict(dict)
        self._spelled: dict[str, str] = {}

    def take(self, as_of: datetime, rows: Sequence[dict[str, Any]]) -> None:
        """Add the ranking of one moment; moments come in order."""
        self._absent[as_of] = 0 if len(rows) < TOP_MAX else nan
        for row in rows:
            self._counts[row["normalized_tag"]][as_of] = row["count"]
            self._spelled[row["normalized_tag"]] = row["tag"]

    def lines(self) -> list[tuple[str, list[float]]]:
        """The tags that are drawn, as they were spelled last, with a count for each moment; NaN leaves a gap."""
        top = sorted(self._counts, key=lambda tag: (-max(self._counts[tag].values()), tag))[:TAGS_MAX]
        moments = self._absent.items()
        return [(self._spelled[tag], [self._counts[tag].get(at, absent) for at, absent in moments]) for tag in top]

    def write(self, path: Path) -> None:
        """Draw the picture, as a PNG."""
        from matplotlib import rc_context
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
        from matplotlib.figure import Figure

        lines = self.lines()
        with rc_context({"font.family": _known_fonts()}):
            figure = Figure(figsize=(10, 5), layout="constrained")
            axes = figure.subplots()
            for tag, counts in lines:
                axes.plot(date2num(list(self._absent)), counts, label=f"#{tag}")
            axes.set_title(self._title)
            axes.set_ylabel("tweets in the window")
            axes.set_ylim(bottom=0)
            locator = AutoDateLocator()
            axes.xaxis_date()
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
            axes.set_xlabel("as of (UTC)")
            if lines:
                axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
            figure.savefig(path, format="png", dpi=120)


def _known_fonts() -> list[str]:
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return [font for font in _FONTS if font in installed]
