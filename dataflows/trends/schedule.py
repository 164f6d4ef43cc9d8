"""Schedule of evaluations: the moments at which trends are computed."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.trends.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Evaluations of a dataflow: at the last millisecond of each `every_ms` that the events have reached.

    An evaluation sees what was made until then, and nothing that was made after it. `exact` is for history: none is
    left out, from `from_ms` on and at `to_ms`. A live dataflow evaluates the newest moment only.
    """

    windows: Sequence[Window]
    every_ms: int
    exact: bool = False
    from_ms: int = 0
    to_ms: int | None = None

    def evaluations(self, after_ms: int, until_ms: int) -> list[int]:
        """The wall times in (after_ms, until_ms] to evaluate."""
        newest = (until_ms + 1) // self.every_ms * self.every_ms - 1
        if not self.exact:
            return [newest] if newest > after_ms else []
        first = (max(after_ms + 1, self.from_ms) // self.every_ms + 1) * self.every_ms - 1
        found = list(range(first, newest + 1, self.every_ms))
        if self.to_ms is not None and max(after_ms, newest) < self.to_ms <= until_ms:
            found.append(self.to_ms)
        return found
