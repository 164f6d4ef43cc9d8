"""How trends over history are cut into slices of time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.trends.backfill import slices
from dataflows.trends.schedule import Schedule
from domain.trends.windows import WINDOWS, Window

START_MS = 1_800_000_000_000
HOUR_MS = 3_600_000
WINDOW = WINDOWS["60m"]


def evaluations(window: Window, from_ms: int, to_ms: int) -> list[int]:
    schedule = Schedule(windows=(window,), every_ms=window.pane_ms, exact=True, from_ms=from_ms, to_ms=to_ms)
    return schedule.evaluations(0, to_ms)


@given(
    window=st.sampled_from(list(WINDOWS.values())),
    from_ms=st.integers(START_MS, START_MS + 24 * HOUR_MS),
    panes=st.integers(0, 1_000),
    rest_ms=st.integers(0, 900_000),
    processes=st.integers(1, 200),
)
def test_slices_are_evaluated_when_the_whole_does_and_never_twice(
    window: Window, from_ms: int, panes: int, rest_ms: int, processes: int
) -> None:
    to_ms = from_ms + panes * window.pane_ms + rest_ms % window.pane_ms
    parts = slices(window, from_ms, to_ms, processes)
    assert len(parts) <= processes
    assert (parts[0][0], parts[-1][1]) == (from_ms, to_ms)
    assert all(end + 1 == begin for (_, end), (begin, _) in pairwise(parts))
    assert [at for part in parts for at in evaluations(window, *part)] == evaluations(window, from_ms, to_ms)


@pytest.mark.parametrize(
    ("hours", "processes", "count"),
    [(1, 1, 1), (1, 64, 1), (2, 1, 1), (2, 2, 2), (2, 64, 2), (3, 2, 2), (24, 5, 5), (168, 64, 64), (168, 999, 168)],
)
def test_several_slices_save_a_quarter_of_the_time_and_read_three_times_as_much_at_most(
    hours: int, processes: int, count: int
) -> None:
    parts = slices(WINDOW, START_MS, START_MS + hours * HOUR_MS - 1, processes)
    assert len(parts) == count
    reads_ms = [end + 1 - begin + 2 * WINDOW.span_ms for begin, end in parts]
    alone_ms = hours * HOUR_MS + 2 * WINDOW.span_ms
    assert count == 1 or max(reads_ms) <= 0.75 * alone_ms
    assert sum(reads_ms) <= 3 * alone_ms
