"""Form of an entry list in Redis: entries of 16 bytes in any order and, as the last element, a marker.

The marker says `building` and by whom, or `ready`, from which floor, and a name that no other build or trim has had. It
is told from an entry by its length. Of a list that is known only what was pushed since need be read (decision 0046).
"""

import secrets
import struct
from collections.abc import Sequence

import numpy as np

from domain.limits import Limits
from domain.timeline import ENTRY_BYTES, EntryList, entries_from_wire
from storage.ports.cache import ListKind

_BUILDING = b"being-built-by--"
_READY = struct.Struct(">cQ8s")
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
    return _READY.pack(b"r", floor, new_build())


def new_build() -> bytes:
    """Name of a build or trim."""
    return secrets.token_bytes(8)


def entry_list(elements: Sequence[bytes]) -> EntryList | None:
    """The list that some elements are; None for none."""
    if not elements:
        return None
    *entries, marker = elements
    is_ready = len(marker) == _READY.size
    assert is_ready or marker.startswith(_BUILDING), "the last element is always a marker"
    _, floor, build = _READY.unpack(marker) if is_ready else (b"", None, b"")
    return EntryList(entries_from_wire(b"".join(entries)), floor, build)


def pushed_since(known: EntryList) -> tuple[str, str]:
    """The range of the elements that were pushed to a list since it was read.

    It is counted from the end, where nothing changes but by a build or trim, so it holds whatever is pushed meanwhile.
    The marker must be read after it: if that is of the same build, the range was too.
    """
    return "0", str(-len(known.entries) - MARKERS - 1)


def grown(known: EntryList, pushed: Sequence[bytes], marker: bytes | None) -> EntryList | None:
    """A known list with what was pushed since, the same if nothing was; None if the marker is of another build."""
    if marker is None or len(marker) != _READY.size or _READY.unpack(marker)[2] != known.build:
        return None
    if not pushed:
        return known
    entries = np.concatenate((entries_from_wire(b"".join(pushed)), known.entries))
    return EntryList(entries, known.floor, known.build)


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
