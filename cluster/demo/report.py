"""The tables that a run prints."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from cluster.demo.verify import Comparison


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
