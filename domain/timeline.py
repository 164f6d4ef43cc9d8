"""Timelines as data: entries, lists with a floor, how lists merge, and cursors that survive insertion.

A list holds entries in any order, duplicates allowed, and promises to hold *every* entry above its floor; what lies
at or below the floor is read from the store. So order of delivery, repeats and late writers cannot show.
"""

import base64
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.columns import run_changes
from domain.errors import Refused
from domain.ids import ID_MAX

Entries = npt.NDArray[np.uint64]
"""Entries, shape (n, 2): the entry's id (a tweet's or a retweet's) and the id of the tweet it shows."""

ENTRY_BYTES = 16
NO_ENTRIES: Entries = np.empty((0, 2), dtype=np.uint64)


def entries_from_wire(wire: bytes) -> Entries:
    """Entries from their 16 bytes each: two big-endian integers, so that bytes sort as ids do."""
    return np.frombuffer(wire, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def entries_to_wire(entries: Entries) -> list[bytes]:
    """The 16 bytes of each entry."""
    wire = entries.astype(">u8").tobytes()
    return [wire[at : at + ENTRY_BYTES] for at in range(0, len(wire), ENTRY_BYTES)]


def entries_of(pairs: Sequence[tuple[int, int]]) -> Entries:
    """Entries from (entry id, original id) pairs."""
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


@dataclass(frozen=True, slots=True, eq=False)
class EntryList:
    """A stored list: every entry above `floor` that was ever pushed is in `entries`.

    While it is being built (`floor` is None) it promises nothing.
    """

    entries: Entries
    floor: int | None
    build: bytes = b""
    """Name of the build or trim that made what a store holds, of which there is no other; since then it only grew."""


def newest_first(entries: Entries, *, above: int = 0, at_most: int = ID_MAX) -> Entries:
    """The entries in (above, at_most], each once, newest first."""
    ids = entries[:, 0]
    kept = entries[(ids > np.uint64(above)) & (ids <= np.uint64(at_most))]
    latest_first = kept[np.argsort(kept[:, 0])[::-1]]
    return latest_first[run_changes(latest_first[:, 0])]


def merged(lists: Sequence[EntryList], at_most: int = ID_MAX) -> EntryList:
    """One list, newest first, of several that are all built; it is complete above the highest floor."""
    floor = 0
    for part in lists:
        assert part.floor is not None, "a list under construction promises nothing"
        floor = max(floor, part.floor)
    together = np.concatenate([part.entries for part in lists]) if lists else NO_ENTRIES
    return EntryList(newest_first(together, above=floor, at_most=at_most), floor)


def cut(entries: Entries, floor: int, entries_max: int) -> EntryList:
    """The newest `entries_max` of some entries, with the floor raised to the newest that was cut."""
    kept = newest_first(entries, above=floor)
    if len(kept) > entries_max:
        floor = int(kept[entries_max, 0])
    return EntryList(kept[:entries_max], floor)


def newer_duplicates(entries: Entries) -> dict[int, list[int]]:
    """For each entry that shows the same tweet as newer ones: those, newest first. `entries` are newest first."""
    if run_changes(np.sort(entries[:, 1])).all():
        return {}
    _, inverse, counts = np.unique(entries[:, 1], return_inverse=True, return_counts=True)
    shared = entries[counts[inverse] > 1]
    newer: dict[int, list[int]] = {}
    duplicates: dict[int, list[int]] = {}
    for entry, original in shared.tolist():
        before = newer.setdefault(original, [])
        if before:
            duplicates[entry] = list(before)
        before.append(entry)
    return duplicates


@dataclass(frozen=True, slots=True)
class Walk:
    """A reader's place in a list, newest first: `top` is where the walk began, `last` what was shown last."""

    top: int
    last: int


_WALK = struct.Struct(">BQQ")
_CURSOR_CHARS_MAX = -(-_WALK.size // 3) * 4
_WALK_VERSION = 1
CURSOR_PATTERN = "^A[Q-X][A-Za-z0-9_-]{21}$"
"""Form of every cursor, and of nothing else: 17 bytes in base64, of which the first and one bit are known."""
START = Walk(ID_MAX, ID_MAX)


def opaque(form: struct.Struct, *numbers: int) -> str:
    """A cursor that holds some numbers."""
    return base64.urlsafe_b64encode(form.pack(*numbers)).rstrip(b"=").decode()


def numbers_in(form: struct.Struct, cursor: str) -> tuple[int, ...]:
    """The numbers of a cursor. Raises `Refused` for what has another form."""
    try:
        return form.unpack(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, struct.error):
        raise bad_cursor() from None


def bad_cursor() -> Refused:
    """The refusal of a text that is no cursor."""
    return Refused("The cursor is not one that this service gave out.", "invalid_cursor")


def cursor_of(walk: Walk) -> str:
    """The opaque cursor for a place in a walk."""
    return opaque(_WALK, _WALK_VERSION, walk.top, walk.last)


def walk_of(cursor: str | None) -> Walk:
    """The place a cursor stands for, the start if there is none. Raises `Refused` for what is no cursor."""
    if cursor is None:
        return START
    if len(cursor) > _CURSOR_CHARS_MAX:
        raise bad_cursor()
    version, top, last = numbers_in(_WALK, cursor)
    if version != _WALK_VERSION or top > ID_MAX:
        raise bad_cursor()
    return Walk(top, min(last, top))
