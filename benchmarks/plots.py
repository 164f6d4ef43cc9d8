"""Pictures of a run: its growth curves, and how long the stages of a delivery take."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.results import Curve, Row

_DOCS = Path(__file__).resolve().parents[1] / "docs"
GROWTH, ACTS, DELIVERY = _DOCS / "growth.png", _DOCS / "growth_of_acts.png", _DOCS / "delivery.png"
_WIDTH, _HEIGHT = 4.5, 3.5
"""Inches of one curve."""
_LEAST = 10_000
"""Where the logarithm begins on an axis with a zero."""
_BINS = 40


def draw(
    document: Mapping[str, Any],
    rows: Sequence[Row],
    growth: Path = GROWTH,
    acts: Path = ACTS,
    delivery: Path = DELIVERY,
) -> None:
    """Draw the curves of all that is kept, those of acts in a picture of their own, and the histogram of these rows."""
    held = [row["curves"] for row in document.values() if isinstance(row, Mapping) and "curves" in row]
    curves = [Curve(**curve) for each in held for curve in each]
    _draw([[curve] for curve in curves if not curve.line], growth)
    titles = dict.fromkeys(curve.title for curve in curves if curve.line)
    _draw([[curve for curve in curves if curve.line and curve.title == title] for title in titles], acts)
    for histogram in [row.histogram for row in rows if row.histogram is not None]:
        longest = max(max(times) for times in histogram.parts.values())
        figure = Figure(figsize=(2 * _WIDTH, len(histogram.parts) * _HEIGHT / 2), layout="constrained")
        for number, (part, times) in enumerate(histogram.parts.items(), 1):
            axes = figure.add_subplot(len(histogram.parts), 1, number)
            axes.hist(times, bins=_BINS, range=(0, longest))
            axes.set_title(f"{part}, {histogram.x}", loc="left")
            axes.grid(visible=True, alpha=0.3)
        _save(figure, delivery)


def _draw(panels: Sequence[Sequence[Curve]], path: Path) -> None:
    """Draw lines in panels side by side, if there are any."""
    if not panels:
        return
    figure = Figure(figsize=(_WIDTH * len(panels), _HEIGHT), layout="constrained")
    for number, lines in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        for line in lines:
            axes.plot(*zip(*line.points, strict=True), marker="o", label=line.line)
        first = lines[0]
        axes.set(title=first.title, xlabel=first.x, ylabel=first.y)
        if first.points[0][0]:
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=_LEAST)
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
        if first.line:
            axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=100, metadata={"Software": None})
