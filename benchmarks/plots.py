"""A picture of the growth curves of a run."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.results import Row

GROWTH = Path(__file__).resolve().parents[1] / "docs" / "growth.png"
_WIDTH, _HEIGHT = 4.5, 3.5
"""Inches of one curve."""


def draw(rows: Sequence[Row], path: Path = GROWTH) -> None:
    """Draw the curves that these rows have, side by side; nothing if none has one."""
    curves = [row.curve for row in rows if row.curve is not None]
    if not curves:
        return
    figure = Figure(figsize=(_WIDTH * len(curves), _HEIGHT), layout="constrained")
    for number, curve in enumerate(curves, 1):
        axes = figure.add_subplot(1, len(curves), number)
        axes.plot(*zip(*curve.points, strict=True), marker="o")
        axes.set(title=curve.title, xlabel=curve.x, ylabel=curve.y, xscale="log")
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, dpi=100, metadata={"Software": None})
