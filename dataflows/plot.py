"""A picture of what trended: how often the top tags were used over time."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

TAGS_MAX = 8
_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Emoji")
"""The first that has a character draws it; those that are not installed are passed over."""


class TrendsPlot:
    """Collects rows of `files.rows_of`, and draws the tags that were used most at any time."""

    def __init__(self, window: str, location: str) -> None:
        self._title = f"Hashtags in {window}{f' at {location}' if location else ''}"
        self._times: list[datetime] = []
        self._counts: dict[str, dict[datetime, int]] = defaultdict(dict)

    def take(self, as_of: datetime, rows: Sequence[dict[str, Any]]) -> None:
        """Add the ranking of one moment; moments come in order."""
        self._times.append(as_of)
        for row in rows:
            self._counts[row["tag"]][as_of] = row["count"]

    def write(self, path: Path) -> None:
        """Draw the picture, as a PNG."""
        top = sorted(self._counts, key=lambda tag: (-max(self._counts[tag].values()), tag))[:TAGS_MAX]
        with mpl.rc_context({"font.family": _known_fonts()}):
            figure = Figure(figsize=(10, 5), layout="constrained")
            axes = figure.subplots()
            for tag in top:
                axes.plot(date2num(self._times), [self._counts[tag].get(at, 0) for at in self._times], label=f"#{tag}")
            axes.set_title(self._title)
            axes.set_ylabel("tweets in the window")
            axes.set_ylim(bottom=0)
            locator = AutoDateLocator()
            axes.xaxis_date()
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
            axes.set_xlabel("as of (UTC)")
            if top:
                axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
            figure.savefig(path, format="png", dpi=120)


def _known_fonts() -> list[str]:
    installed = set(mpl.font_manager.get_font_names())
    return [font for font in _FONTS if font in installed]
