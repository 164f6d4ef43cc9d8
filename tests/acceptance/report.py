"""Tables and verdict of a run."""

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from tests.acceptance.verifier import Comparison

SYNTHETIC = Path(__file__).with_name("tweets.txt")
"""A small file of made-up tweets that comes with the code."""


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """What was compared, and how much of it differed."""
    table = Table("what", "compared", "late", "differences", title="Compared with the model", title_justify="left")
    for comparison in comparisons:
        count = len(comparison.differences)
        color = "red" if count else "green"
        table.add_row(comparison.name, str(comparison.compared), str(comparison.late), f"[{color}]{count}[/{color}]")
    table.add_section()
    total = sum(len(comparison.differences) for comparison in comparisons)
    compared = sum(comparison.compared for comparison in comparisons)
    table.add_row("all", str(compared), str(sum(comparison.late for comparison in comparisons)), str(total))
    return table


def print_differences(comparisons: Sequence[Comparison], console: Console) -> None:
    """The first few differences of each kind, in words."""
    for comparison in comparisons:
        for difference in comparison.shown():
            console.print(
                f"  {comparison.name}: {difference}", style="red", highlight=False, markup=False, soft_wrap=True
            )


def verdict(right: bool, good: str, bad: str, console: Console) -> None:
    """The last line, and exit code 1 if something was wrong."""
    console.print(good if right else bad, style="green" if right else "red")
    if not right:
        raise typer.Exit(1)
