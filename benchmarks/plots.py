"""Pictures of a run: its growth curves, and how long the stages of a delivery take."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.results import Curve, Row

_DOCS = Path(__file__).resolve().parents[1] / "docs"
GROWTH, DELIVERY = _DOCS / "growth.png", _DOCS / "delivery.png"
_WIDTH, _HEIGHT = 4.5, 3.5
"""Inches of one curve."""
_BINS = 40


def draw(document: Mapping[str, Any], rows: Sequence[Row], growth: Path = GROWTH, delivery: Path = DELIVERY) -> None:
    """Draw the curves of all that is kept in one picture, the histogram of these rows in another, if there are any."""
    held = [row["curve"] for row in document.values() if isinstance(row, Mapping) and "curve" in row]
    curves = [Curve(**curve) for curve in held]
    if curves:
        figure = Figure(figsize=(_WIDTH * len(curves), _HEIGHT), layout="constrained")
        for number, curve in enumerate(curves, 1):
            axes = figure.add_subplot(1, len(curves), number)
            axes.plot(*zip(*curve.points, strict=True), marker="o")
            axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, xscale="log")
            axes.set_ylim(bottom=0)
            axes.grid(visible=True, alpha=0.3)
        _save(figure, growth)
    for histogram in [row.histogram for row in rows if row.histogram is not None]:
        longest = max(max(times) for times in histogram.parts.values())
        figure = Figure(figsize=(2 * _WIDTH, len(histogram.parts) * _HEIGHT / 2), layout="constrained")
        for number, (part, times) in enumerate(histogram.parts.items(), 1):
            axes = figure.add_subplot(len(histogram.parts), 1, number)
            axes.hist(times, bins=_BINS, range=(0, longest))
            axes.set_title(f"{part}, {histogram.x}", loc="left")
            axes.grid(visible=True, alpha=0.3)
        _save(figure, delivery)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=100, metadata={"Software": None})
