"""Form of an entry list in Redis: entries of 16 bytes in any order and, as the last element, a marker.

The marker says `building` and by whom, or `ready` and from which floor. It is told from an entry by its length.
"""

import struct
from collections.abc import Sequence

from domain.limits import Limits
from domain.timeline import ENTRY_BYTES, EntryList, entries_from_wire
from storage.ports.cache import ListKind

_BUILDING = b"being-built-by--"
_READY = struct.Struct(">cQ")
MARKERS = 1
"""Elements of a list that are no entries."""

assert len(_BUILDING) >= ENTRY_BYTES, "a building marker is longer than an entry, whatever its token"
assert _READY.size != ENTRY_BYTES


def building(token: str) -> bytes:
    """The marker of a list that `token` builds."""
    assert token
    return _BUILDING + token.encode()


def ready(floor: int) -> bytes:
    """The marker of a list that holds every entry above `floor`."""
    return _READY.pack(b"r", floor)


def entry_list(elements: Sequence[bytes]) -> EntryList | None:
    """The list that some elements are; None for none."""
    if not elements:
        return None
    *entries, marker = elements
    is_ready = len(marker) == _READY.size
    assert is_ready or marker.startswith(_BUILDING), "the last element is always a marker"
    return EntryList(entries_from_wire(b"".join(entries)), _READY.unpack(marker)[1] if is_ready else None)


def entries_max(kind: ListKind, limits: Limits) -> int:
    """Entries that a list of this kind keeps when it is trimmed."""
    return limits.timeline_entries_max if kind is ListKind.HOME else limits.author_entries_max


def overfull_above(kind: ListKind, limits: Limits) -> int:
    """Entries above which a list of this kind is to be trimmed."""
    slack = limits.timeline_slack if kind is ListKind.HOME else limits.author_slack
    return entries_max(kind, limits) + slack


def ttl_s(kind: ListKind, limits: Limits) -> int:
    """The lifetime of a list that nobody reads."""
    return limits.timeline_ttl_s if kind is ListKind.HOME else limits.cache_ttl_s
