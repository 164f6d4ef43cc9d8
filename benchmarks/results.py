"""A row of the table, and what becomes of all rows: a table for people, a file for the next run."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal, NamedTuple

from rich import table as rich_table
from rich.console import Console

from benchmarks import markdown

LATEST = Path(__file__).parent / "results" / "latest.json"


class Curve(NamedTuple):
    """How something grows, for a picture."""

    title: str
    x: str
    y: str
    points: Sequence[tuple[float, float]]
    line: str = ""
    """Its name among others with the same title, which are drawn together."""


class Histogram(NamedTuple):
    """How often something took how long, part by part, for a picture."""

    x: str
    parts: Mapping[str, Sequence[float]]


class Table(NamedTuple):
    """Figures that belong together, each line with a name first."""

    columns: Sequence[str]
    lines: Sequence[Sequence[str | float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One question and its answer: one value per round."""

    key: str
    what: str
    against: str
    unit: Literal["x", "ms", "s", "B", "MiB", "%"]
    """x is a ratio to the yardstick, which should be large; of anything else there should be little."""
    values: Sequence[float]
    target: float | None
    """None for a figure that is given for information."""
    figures: Mapping[str, object] = field(default_factory=dict)
    """What the values were made of, in absolute terms."""
    curves: Sequence[Curve] = ()
    histogram: Histogram | None = None
    tables: Sequence[Table] = ()

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the target."""
        if self.target is None:
            return None
        middle = median(self.values)
        return middle >= self.target if self.unit == "x" else middle <= self.target

    def document(self, date: str) -> dict[str, object]:
        """The row as it is kept, with when it was measured."""
        spread = {"min": min(self.values), "median": median(self.values), "max": max(self.values)}
        rounded = {name: round(value, 3) for name, value in spread.items()}
        return {
            **rounded,
            "unit": self.unit,
            "target": self.target,
            "reached": self.reached,
            "what": self.what,
            "against": self.against,
            "date": date,
            "figures": dict(self.figures),
            **({"curves": [curve._asdict() for curve in self.curves]} if self.curves else {}),
            **({"tables": [table._asdict() for table in self.tables]} if self.tables else {}),
        }


def show(rows: Sequence[Row], machine: Mapping[str, str], effort: str, console: Console) -> None:
    """Print the table, then what it was measured on."""
    table = rich_table.Table("what", "against", title=f"Murmur, measured ({effort})", title_justify="left")
    for column in ("min", "median", "max", "target"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("reached")
    for row in rows:
        spread = (min(row.values), median(row.values), max(row.values))
        table.add_row(
            row.what, row.against, *(markdown.shown(value, row.unit) for value in spread), _target(row), _verdict(row)
        )
    console.print(table)
    for held in [held for row in rows for held in row.tables]:
        table = rich_table.Table(*held.columns)
        for line in held.lines:
            table.add_row(*map(str, line))
        console.print(table)
    for row in rows:
        console.print(f"[bold]{row.key}[/bold]: " + ", ".join(f"{k} {v}" for k, v in row.figures.items()), style="dim")
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()), style="dim")


def write(rows: Sequence[Row], machine: Mapping[str, str], effort: str, *, some: bool = False) -> dict[str, Any]:
    """Keep the results in place of the last run's, on the page too; `some` replace only what they measured anew.

    What is kept then must have been measured with the same effort. Returns all that is kept.
    """
    new = {row.key: row.document(machine["date"]) for row in rows}
    last = json.loads(LATEST.read_text()) if some else {}
    kept = last if last.get("effort") == effort else {}
    document = {**kept, "effort": effort, "machine": dict(machine), **new}
    LATEST.parent.mkdir(exist_ok=True)
    LATEST.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    markdown.put(document)
    return document


def rounded(values: Sequence[float], digits: int = 0) -> list[float]:
    """Values as they are shown among a row's figures."""
    return [round(value, digits) if digits else round(value) for value in values]


def _target(row: Row) -> str:
    if row.target is None:
        return "—"
    return f"{'≥' if row.unit == 'x' else '≤'} {row.target:g} {row.unit}"


def _verdict(row: Row) -> str:
    return {True: "[green]yes[/green]", False: "[red]no[/red]", None: "—"}[row.reached]
