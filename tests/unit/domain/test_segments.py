from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.segments import END, START, Place, Segment, chained, cut, to_count

places = st.builds(Place, st.integers(0, 3), st.integers(1, 9))
sizes = st.one_of(st.none(), st.integers(0, 5))


@given(st.lists(st.tuples(places, places, sizes), unique_by=lambda row: row[0]))
def test_whatever_is_stored_the_chain_covers_everything_once(rows: list[tuple[Place, Place, int | None]]) -> None:
    stored = sorted(Segment(*row) for row in rows if row[0] < row[1])
    chain = chained(stored)
    assert (chain[0].start, chain[-1].end) == (START, END)
    assert all(before.end == after.start for before, after in pairwise(chain))
    assert {segment for segment in chain if segment.size is not None} <= set(stored)


@given(st.lists(st.tuples(places, sizes), unique_by=lambda part: part[0]), st.integers(1, 4))
def test_what_is_cut_has_the_same_parts_none_longer_than_the_longest(
    parts: list[tuple[Place, int | None]], longest: int
) -> None:
    parts.sort(key=lambda part: part[0])
    cuts = cut(parts, START, END, longest)
    assert chained(cuts) == cuts
    held = [[size for place, size in parts if each.start <= place < each.end] for each in cuts]
    assert max(map(len, held)) <= longest
    for each, of in zip(cuts, held, strict=True):
        known = [size for size in of if size is not None]
        assert each.size == (sum(known) if len(known) == len(of) else None)


def test_a_segment_that_begins_within_another_is_passed_over() -> None:
    a, b, c = Place(0, 1), Place(0, 5), Place(0, 9)
    stored = [Segment(START, b, 3), Segment(a, c, 7), Segment(b, END, 2)]
    assert chained(stored) == [stored[0], stored[2]]


def test_what_no_segment_covers_is_not_counted_yet() -> None:
    a, b = Place(0, 1), Place(0, 5)
    assert chained([]) == [Segment(START, END, None)]
    assert chained([Segment(a, b, 1)]) == [Segment(START, a, None), Segment(a, b, 1), Segment(b, END, None)]


def test_segments_with_places_or_not_counted_yet_are_to_be_counted() -> None:
    a, b, c = Place(0, 1), Place(0, 5), Place(1, 0)
    segments = [Segment(START, a, 0), Segment(a, b, 1), Segment(b, c, 2), Segment(c, END, None)]
    assert to_count(segments, [Place(0, 4), a]) == [segments[1], segments[3]]
    assert to_count(segments[:2], [b, Place(2, 2)]) == [], "they are elsewhere"
