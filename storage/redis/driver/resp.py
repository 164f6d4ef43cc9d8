"""Bulk pushes in Redis's wire form (RESP2), encoded and parsed as arrays: no Python loop runs per delivery.

`LPUSHX key entry [entry…]` does nothing to an absent list and answers with the length. Every key of
`keys.list_key` is equally long, and so is every entry: all commands that carry equally many entries are the rows of one
matrix of bytes.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from redis.exceptions import ResponseError

from domain import ids
from domain.columns import lengths_of, starts_of
from domain.ids import Ids
from domain.timeline import ENTRY_BYTES, Entries
from storage import keys
from storage.ports.cache import ListKey, ListKind

PARTITIONS_MAX = 100
"""A list's key holds its range or partition in two digits."""

_PORTION_COMMANDS = 2_048
"""Commands encoded at a time."""

_REDIRECTION = re.compile(rb"^-(?:MOVED|ASK|TRYAGAIN) [^\r]*", re.MULTILINE)
_ERROR = re.compile(rb"^-([^\r]*)", re.MULTILINE)

Bytes = npt.NDArray[np.uint8]

_HEX = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
_DECIMAL = np.frombuffer("".join(f"{n:02d}" for n in range(PARTITIONS_MAX)).encode(), dtype=np.uint8).reshape(-1, 2)
_ENTRY_HEAD = f"${ENTRY_BYTES}\r\n".encode()
_ENTRY_WIRE_BYTES = len(_ENTRY_HEAD) + ENTRY_BYTES + 2


@dataclass(frozen=True, slots=True, eq=False)
class Pushes:
    """Commands: the i-th pushes `sizes[i]` entries to the list of `owners[i]`; both have shape (commands,)."""

    owners: Ids
    sizes: npt.NDArray[np.int64]
    wire: Iterator[bytes]
    """The commands encoded, some at a time: the server may carry out the first while the next are made."""


def encode_pushes(kind: ListKind, users: Ids, entries: Entries, partitions: int) -> Pushes:
    """One LPUSHX for each user, whose entries keep their order.

    `entries[i]` goes to `users[i]`, who may occur several times; `partitions` of the log are at most `PARTITIONS_MAX`.
    """
    assert users.dtype == np.uint64
    assert entries.shape == (len(users), 2)
    payload = np.ascontiguousarray(entries, dtype=">u8").view(np.uint8).reshape(len(users), ENTRY_BYTES)
    by_user = np.argsort(users, kind="stable")
    ordered = users[by_user]
    first = starts_of(ordered)
    sizes = lengths_of(first, len(ordered))
    by_size = np.argsort(sizes, kind="stable")
    first, sizes = first[by_size], sizes[by_size]
    owners = ordered[first]
    wire = (
        _commands(key_bytes(kind, owners[some], partitions), payload[by_user[first[some, None] + np.arange(size)]])
        for size, some in _portions(sizes)
    )
    return Pushes(owners, sizes, wire)


def key_bytes(kind: ListKind, users: Ids, partitions: int) -> Bytes:
    """`keys.list_key` of many users, shape (n, bytes of a key)."""
    sample = keys.list_key(ListKey(kind, ids.UserId(0)), partitions).encode()
    made = np.empty((len(users), len(sample)), dtype=np.uint8)
    made[:] = np.frombuffer(sample, dtype=np.uint8)
    slot_at = sample.index(b"{") + 1
    made[:, slot_at : slot_at + 2] = _DECIMAL[tags_of(kind, users, partitions)]
    digits = _HEX[users.astype(">u8").view(np.uint8).reshape(-1, 8)]
    made[:, -16:] = digits.reshape(-1, 16)
    return made


def parse_integers(wire: bytes, *, redirected: int | None = None) -> npt.NDArray[np.int64]:
    """The numbers of integer replies, none of them negative. Raises `ResponseError` for the first error line.

    `redirected`, if it is given, stands for lines in which a node of a cluster sends a command to another one.
    """
    if b"-" in wire:
        if redirected is not None:
            wire = _REDIRECTION.sub(b":%d" % redirected, wire)
        if error := _ERROR.search(wire):
            raise ResponseError(error[1].decode(errors="replace"))
    return np.fromstring(wire.translate(None, b":\r").decode(), dtype=np.int64, sep="\n")


def _portions(sizes: npt.NDArray[np.int64]) -> Iterator[tuple[int, slice]]:
    """Sorted sizes cut where they differ, and into portions: each size with the rows that have it."""
    for first, end in pairwise([*starts_of(sizes).tolist(), len(sizes)]):
        for at in range(first, end, _PORTION_COMMANDS):
            yield int(sizes[at]), slice(at, min(at + _PORTION_COMMANDS, end))


def tags_of(kind: ListKind, users: Ids, partitions: int) -> npt.NDArray[np.intp]:
    """The hash tags of the lists of many users, as numbers."""
    if kind is ListKind.HOME:
        return ids.ranges_of(users).astype(np.intp)
    # an author at a time: recent tweets are pushed with the event itself, in bulk only now and then
    return np.array([ids.log_partition(user, partitions) for user in users.tolist()], dtype=np.intp)


def _commands(key: Bytes, rows: Bytes) -> bytes:
    """Commands as one matrix; `key` has shape (n, bytes of a key), `rows` (n, entries of each, ENTRY_BYTES)."""
    commands, size = rows.shape[:2]
    head = f"*{2 + size}\r\n$6\r\nLPUSHX\r\n${key.shape[1]}\r\n".encode()
    key_end = len(head) + key.shape[1]
    row = np.frombuffer(
        head + bytes(key.shape[1]) + b"\r\n" + (_ENTRY_HEAD + bytes(ENTRY_BYTES) + b"\r\n") * size, dtype=np.uint8
    )
    made = np.empty((commands, len(row)), dtype=np.uint8)
    made[:] = row
    made[:, len(head) : key_end] = key
    values = made[:, key_end + 2 :].reshape(commands, size, _ENTRY_WIRE_BYTES)
    values[:, :, len(_ENTRY_HEAD) : len(_ENTRY_HEAD) + ENTRY_BYTES] = rows
    return made.tobytes()
