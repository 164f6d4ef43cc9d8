import pickle
import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ID_MAX
from domain.trends.interning import IdInterner

_ids = st.lists(st.integers(0, ID_MAX), max_size=20)


def as_ids(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(values, np.uint64)


@given(st.lists(_ids, max_size=6))
def test_an_id_keeps_its_number_and_no_two_share_one(batches: list[list[int]]) -> None:
    numbers, given_ = IdInterner(), dict[int, int]()
    for batch in batches:
        found = numbers.of(as_ids(batch)).tolist()
        for id_, number in zip(batch, found, strict=True):
            assert given_.setdefault(id_, number) == number
        numbers = pickle.loads(pickle.dumps(numbers))
    assert sorted(given_.values()) == list(range(len(numbers)))
    assert {int(id_): at for at, id_ in enumerate(numbers.ids)} == given_


@given(_ids, _ids, st.randoms(use_true_random=False))
def test_numbers_that_are_kept_move_closer_in_the_same_order(
    first: list[int], later: list[int], rng: random.Random
) -> None:
    numbers = IdInterner()
    numbers.of(as_ids(first))
    names = numbers.ids.tolist()
    used = sorted(rng.sample(range(len(names)), rng.randint(0, len(names))))
    moved = numbers.keep(np.array(used, np.uint32))
    assert moved[used].tolist() == list(range(len(used)))
    assert numbers.ids.tolist() == [names[at] for at in used]
    assert numbers.of(as_ids(later)).tolist() == [numbers.ids.tolist().index(id_) for id_ in later]
