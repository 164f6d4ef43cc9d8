import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids
from domain.clock import ManualClock
from domain.errors import LeaseExpired

any_id = st.integers(min_value=0, max_value=ids.ID_MAX)


def generator(clock: ManualClock, *, after_ms: int = 0, lease_ms: int = 30_000, worker: int = 7) -> ids.IdGenerator:
    return ids.IdGenerator(
        worker,
        clock,
        after_ms=after_ms,
        until_ms=clock.now_ms() + lease_ms,
        lease_ends_ms=clock.monotonic_ms() + lease_ms,
    )


@given(st.lists(st.one_of(st.just(0), st.integers(-50, 50)), max_size=300))
def test_ids_grow_whatever_the_wall_clock_does(moves: list[int]) -> None:
    clock = ManualClock()
    make = generator(clock)
    made = []
    for move in moves:
        clock.jump(move)
        made.append(make.next())
    assert made == sorted(set(made))


def test_more_than_4096_ids_in_a_millisecond_go_on_in_the_next() -> None:
    clock = ManualClock()
    make = generator(clock)
    made = [make.next() for _ in range(ids.SEQUENCE_MAX + 1)]
    assert ids.time_ms(made[-2]) == clock.now_ms()
    assert ids.time_ms(made[-1]) == clock.now_ms() + 1


def test_a_lease_ends_by_the_steady_clock_even_if_the_wall_clock_went_back() -> None:
    clock = ManualClock()
    make = generator(clock, lease_ms=1_000)
    clock.advance(1_000)
    clock.jump(-10_000)
    with pytest.raises(LeaseExpired):
        make.next()


def test_a_lease_covers_no_wall_time_beyond_its_end() -> None:
    clock = ManualClock()
    make = generator(clock, lease_ms=1_000)
    clock.jump(1_000)
    with pytest.raises(LeaseExpired):
        make.next()


def test_the_next_holder_of_a_worker_starts_after_everything_the_last_could_make() -> None:
    clock = ManualClock()
    first = generator(clock, lease_ms=1_000)
    made = first.next()
    clock.jump(-500)  # the next holder's clock is behind
    second = generator(clock, after_ms=clock.now_ms() + 1_500, lease_ms=10_000)
    assert second.next() > made


@given(st.lists(any_id, min_size=1, max_size=50))
def test_ranges_are_the_same_one_by_one_and_all_at_once(users: list[int]) -> None:
    expected = [ids.range_of(user) for user in users]
    assert ids.ranges_of(np.array(users, dtype=np.uint64)).tolist() == expected
    assert all(0 <= range_ < ids.RANGES for range_ in expected)


def test_ids_made_in_one_go_spread_over_all_ranges() -> None:
    make = generator(ManualClock())
    made = [make.next() for _ in range(2_000)]
    assert {ids.range_of(user) for user in made} == set(range(ids.RANGES))
    assert {ids.log_partition(user, 8) for user in made} == set(range(8))


@given(any_id)
def test_the_first_id_at_a_time_bounds_all_ids_of_that_time(id_: int) -> None:
    at_ms = ids.time_ms(id_)
    assert ids.first_id_at(at_ms) <= id_ < ids.first_id_at(at_ms + 1)
