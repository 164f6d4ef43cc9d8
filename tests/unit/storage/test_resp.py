"""Bulk pushes on the wire, compared with what redis-py would send."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Connection
from redis.exceptions import ResponseError

from domain.ids import ID_MAX, UserId
from domain.timeline import entries_of, entries_to_wire
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.redis.driver.resp import encode_pushes, key_bytes, parse_integers

IDS = st.integers(0, ID_MAX)
FEW = st.sampled_from([0, 1, 2, 255, 256, 1 << 32, ID_MAX - 1, ID_MAX])
PUSHES = st.lists(st.tuples(st.one_of(FEW, IDS), st.tuples(IDS, IDS)), max_size=60)


@given(PUSHES, st.sampled_from(ListKind), st.integers(1, 100))
def test_pushes_are_what_redis_py_would_send(
    pushes: list[tuple[int, tuple[int, int]]], kind: ListKind, partitions: int
) -> None:
    users = np.array([user for user, _ in pushes], dtype=np.uint64)
    encoded = encode_pushes(kind, users, entries_of([entry for _, entry in pushes]), partitions)
    of: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for user, entry in pushes:
        of[user].append(entry)
    assert sorted(encoded.owners.tolist()) == sorted(of)
    assert encoded.sizes.tolist() == [len(of[user]) for user in encoded.owners.tolist()]
    commands: list[tuple[str | bytes, ...]] = [
        ("LPUSHX", keys.list_key(ListKey(kind, UserId(user)), partitions), *entries_to_wire(entries_of(of[user])))
        for user in encoded.owners.tolist()
    ]
    assert b"".join(encoded.wire) == b"".join(Connection().pack_commands(commands))


@given(st.lists(IDS, min_size=1, max_size=20), st.sampled_from(ListKind), st.integers(1, 100))
def test_keys_are_those_of_the_key_module(users: list[int], kind: ListKind, partitions: int) -> None:
    made = key_bytes(kind, np.array(users, dtype=np.uint64), partitions)
    expected = [keys.list_key(ListKey(kind, UserId(user)), partitions) for user in users]
    assert [row.tobytes().decode() for row in made] == expected


@given(st.lists(st.integers(0, 10**12)))
def test_integer_replies_are_parsed(numbers: list[int]) -> None:
    assert parse_integers(b"".join(b":%d\r\n" % number for number in numbers)).tolist() == numbers


def test_an_error_among_the_replies_is_raised_as_it_is_said() -> None:
    with pytest.raises(ResponseError, match=r"^OOM command not allowed when used memory > 'maxmemory'\.$"):
        parse_integers(b":1\r\n-OOM command not allowed when used memory > 'maxmemory'.\r\n:3\r\n-ERR other\r\n")
