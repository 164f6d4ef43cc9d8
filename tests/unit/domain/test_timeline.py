import base64
import re
import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.ids import ID_MAX
from domain.timeline import (
    CURSOR_PATTERN,
    EntryList,
    Walk,
    cursor_of,
    cut,
    entries_from_wire,
    entries_of,
    entries_to_wire,
    merged,
    newer_duplicates,
    newest_first,
    walk_of,
)

pairs = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), max_size=60).map(
    lambda found: [(id_, {id_ % 7: id_}.get(0, original)) for id_, original in found]
)
"""Entries with repeats; one id always shows one original."""


def consistent(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
    originals: dict[int, int] = {}
    return [(id_, originals.setdefault(id_, original)) for id_, original in found]


@given(st.lists(st.tuples(st.integers(0, ID_MAX), st.integers(0, ID_MAX)), max_size=20))
def test_entries_survive_the_wire_and_their_bytes_sort_as_ids(found: list[tuple[int, int]]) -> None:
    wire = entries_to_wire(entries_of(found))
    assert entries_from_wire(b"".join(wire)).tolist() == [list(pair) for pair in found]
    assert [entries_from_wire(each)[0, 0] for each in sorted(wire)] == sorted(id_ for id_, _ in found)


@given(pairs, st.integers(0, 60), st.integers(0, 60))
def test_settled_entries_are_those_between_once_and_newest_first(
    found: list[tuple[int, int]], above: int, top: int
) -> None:
    entries = entries_of(consistent(found))
    expected = sorted({id_ for id_, _ in found if above < id_ <= top}, reverse=True)
    assert newest_first(entries, above=above, at_most=top)[:, 0].tolist() == expected


@given(pairs, st.integers(0, 60), st.integers(1, 20))
def test_a_cut_list_still_holds_everything_above_its_floor(
    found: list[tuple[int, int]], floor: int, entries_max: int
) -> None:
    entries = entries_of(consistent(found))
    part = cut(entries, floor, entries_max)
    assert part.floor is not None
    assert part.floor >= floor
    assert len(part.entries) <= entries_max
    assert part.entries[:, 0].tolist() == sorted({id_ for id_, _ in found if id_ > part.floor}, reverse=True)


@given(st.lists(st.tuples(pairs, st.integers(0, 60)), min_size=1, max_size=4), st.integers(0, 60))
def test_a_merged_list_is_complete_above_the_highest_floor(
    parts: list[tuple[list[tuple[int, int]], int]], top: int
) -> None:
    everything = consistent([pair for found, _ in parts for pair in found])
    lists, at = [], 0
    for found, floor in parts:
        lists.append(EntryList(entries_of(everything[at : at + len(found)]), floor))
        at += len(found)
    together = merged(lists, top)
    highest = max(floor for _, floor in parts)
    assert together.floor == highest
    assert together.entries[:, 0].tolist() == sorted({i for i, _ in everything if highest < i <= top}, reverse=True)


def test_a_list_under_construction_cannot_be_merged() -> None:
    with pytest.raises(AssertionError):
        merged([EntryList(entries_of([(1, 1)]), None)])


@given(pairs)
def test_rivals_are_the_newer_entries_that_show_the_same(found: list[tuple[int, int]]) -> None:
    entries = newest_first(entries_of(consistent(found)))
    plain = [(int(id_), int(original)) for id_, original in entries]
    expected = {
        id_: newer
        for id_, original in plain
        if (newer := [other for other, shown in plain if shown == original and other > id_])
    }
    assert newer_duplicates(entries) == expected


@given(st.integers(0, ID_MAX), st.integers(0, ID_MAX))
def test_a_cursor_leads_back_to_its_place(one: int, other: int) -> None:
    walk = Walk(max(one, other), min(one, other))
    assert walk_of(cursor_of(walk)) == walk


@given(st.text(max_size=40))
@example("AQ")
@example("!!!!")
@example(cursor_of(Walk(5, 3))[:-1])
@example(base64.urlsafe_b64encode(struct.pack(">BQQ", 1, ID_MAX + 1, 5)).rstrip(b"=").decode())
@example(base64.urlsafe_b64encode(struct.pack(">BQQ", 2, 5, 3)).rstrip(b"=").decode())
def test_whatever_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="not one that this service gave out"):
        walk_of(text)


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True), st.integers(0, ID_MAX), st.integers(0, ID_MAX))
def test_what_looks_like_a_cursor_is_one(text: str, one: int, other: int) -> None:
    walk = walk_of(text)
    assert 0 <= walk.last <= walk.top <= ID_MAX, "a place above the top is the top"
    assert re.fullmatch(CURSOR_PATTERN, cursor_of(Walk(max(one, other), min(one, other))))


def test_no_cursor_is_the_start() -> None:
    assert walk_of(None) == Walk(ID_MAX, ID_MAX)
    assert np.uint64(ID_MAX) < np.iinfo(np.uint64).max
