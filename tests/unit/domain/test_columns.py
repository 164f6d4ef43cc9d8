import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.columns import lengths_of, starts_of


@given(st.lists(st.integers(0, 5), max_size=30).map(sorted))
def test_the_runs_of_a_column_add_up_to_it(column: list[int]) -> None:
    values = np.array(column, np.int64)
    starts = starts_of(values)
    lengths = lengths_of(starts, len(values))
    assert values[starts].tolist() == sorted(set(column))
    assert lengths.tolist() == [column.count(value) for value in sorted(set(column))]
