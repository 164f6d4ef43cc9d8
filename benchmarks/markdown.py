"""The figures of the last run as Markdown, in `docs/benchmarks.md`; the same as in `results/latest.json`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
_DIGITS = {"x": 2, "s": 1, "B": 1}
"""Behind the point, by unit; none for others, but two for a few milliseconds."""
_FEW_MS = 30
BEGIN, END = "<!-- figures of the last `make bench` -->\n", "<!-- end of the figures -->\n"


def section(document: Mapping[str, Any]) -> str:
    """The table and what it was measured on, in Markdown."""
    machine = document["machine"]
    rows = [row for row in document.values() if isinstance(row, Mapping) and "median" in row]
    lines = ["| what | against | min | median | max | target | reached |", "|---|---|--:|--:|--:|--:|---|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    for table in (table for row in rows for table in row.get("tables", ())):
        columns = table["columns"]
        lines += ["", f"| {' | '.join(columns)} |", f"|---|{'--:|' * (len(columns) - 1)}"]
        lines += [f"| {' | '.join(map(str, line))} |" for line in table["lines"]]
    versions = ", ".join(f"{name} {value}" for name, value in machine.items() if name not in ("date", "load before"))
    dates = sorted({row["date"] for row in rows})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    return "\n".join([*lines, "", f"Measured {when}, {document['effort']} loads, on: {versions}.", ""])


def shown(value: float, unit: str) -> str:
    """A value with its unit."""
    digits = 2 if unit == "ms" and value < _FEW_MS else _DIGITS.get(unit, 0)
    return f"{value:.{digits}f} {unit}"


def put(document: Mapping[str, Any], path: Path = PAGE) -> None:
    """Write the figures into the page, in place of the last ones."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, f"{path} has no place for the figures"
    path.write_text(before + BEGIN + section(document) + END + after)


def _cells(row: Mapping[str, Any]) -> list[str]:
    unit = row["unit"]
    target = "" if row["target"] is None else f"{'≥' if unit == 'x' else '≤'} {row['target']:g} {unit}"
    reached = {True: "yes", False: "no", None: ""}[row["reached"]]
    spread = (shown(row[name], unit) for name in ("min", "median", "max"))
    return [row["what"], row["against"], *spread, target, reached]
