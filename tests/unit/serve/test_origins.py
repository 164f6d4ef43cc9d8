"""Where a request comes from, whatever its headers claim."""

import re
import time

import pytest
from starlette.types import Scope

from cluster.embedded import haproxy_launcher
from serve.http.origins import PRIVATE, Origins

ORIGINS = Origins(("10.0.0.0/24",))
HEADERS_BYTES = 31_000
"""About as much as fits into a request's headers."""


def scope(peer: str, *forwarded_for: str) -> Scope:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded_for]
    return {"type": "http", "client": (peer, 4711) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client", "why"),
    [
        ("203.0.113.9", None, "203.0.113.9", "a direct client"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9", "a stranger's header is not believed"),
        ("10.0.0.2", "198.51.100.1", "198.51.100.1", "a trusted proxy's is"),
        ("10.0.0.2", None, "10.0.0.2", "a trusted proxy that says nothing speaks for itself"),
        ("10.0.0.2", "6.6.6.6, 198.51.100.1", "198.51.100.1", "what stood there before was written by the client"),
        ("10.0.0.2", "198.51.100.1, 10.0.0.3", "198.51.100.1", "two proxies in a row"),
        ("10.0.0.2", "198.51.100.1, garbage", "10.0.0.2", "an unreadable hop ends the search"),
        ("10.0.0.2", ", ,", "10.0.0.2", "so does an empty one"),
        ("::ffff:10.0.0.2", "198.51.100.1", "198.51.100.1", "IPv4 in IPv6 is IPv4"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64", "an IPv6 customer has a /64"),
        ("", "198.51.100.1", "unknown", "no peer at all"),
        ("203.0.113.9", "10.0.0.2, 10.0.0.3", "203.0.113.9", "nobody becomes a proxy by naming proxies"),
        ("::ffff:203.0.113.9", None, "203.0.113.9", "one client in two families is one client"),
        ("10.0.0.2", "::ffff:198.51.100.1", "198.51.100.1", "behind a proxy too"),
        ("10.0.0.2", "2001:DB8:1:2::5", "2001:db8:1:2::/64", "in any spelling"),
        ("10.0.0.2", "2001:db8:1:2::5%eth0", "2001:db8:1:2::/64", "whatever zone it names"),
        ("10.0.0.2", "198.51.100.1:4711", "10.0.0.2", "a port makes no new client"),
        ("10.0.0.2", "[2001:db8:1:2::5]:4711", "10.0.0.2", "nor do brackets"),
        ("10.0.0.2", "0306.0063.0144.1", "10.0.0.2", "nor do other numbers"),
        ("10.0.0.2", "6.6.6.6, " + "10.0.0.3, " * 30 + "10.0.0.4", "10.0.0.3", "a list is not read without end"),
    ],
)
def test_where_a_request_comes_from(peer: str, forwarded_for: str | None, client: str, why: str) -> None:
    assert ORIGINS.of(scope(peer, *([forwarded_for] if forwarded_for else []))).blocks[0] == client, why


def test_several_headers_are_one_list() -> None:
    assert ORIGINS.of(scope("10.0.0.2", "6.6.6.6", "198.51.100.1", "10.0.0.3")).blocks == ("198.51.100.1",)


@pytest.mark.parametrize(
    ("address", "blocks", "network"),
    [
        ("198.51.100.7", ("198.51.100.7",), "198.51.100.0/24"),
        ("2001:db8:1:2fe::5", ("2001:db8:1:2fe::/64", "2001:db8:1:200::/56"), "2001:db8:1:200::/56"),
        ("::1", ("::/64", "::/56"), "::/56"),
        ("", ("unknown",), "unknown"),
    ],
)
def test_what_counts_as_one_client_and_what_is_told_of_it(address: str, blocks: tuple[str, ...], network: str) -> None:
    origin = ORIGINS.of(scope(address))
    assert (origin.blocks, origin.network) == (blocks, network)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.7.7", "169.254.1.1", "::1", "fd00::1"]
)
def test_who_runs_the_service_is_near(address: str) -> None:
    assert ORIGINS.of(scope(address)).is_private


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "100.64.0.1", "203.0.113.9", "2001:db8::1", "", "a"])
def test_a_stranger_is_not(address: str) -> None:
    assert not ORIGINS.of(scope(address)).is_private


def test_haproxy_lets_the_same_networks_go_first() -> None:
    (rule,) = re.findall(r"acl is_inside src (.*)", haproxy_launcher._BACKEND)
    assert {str(network) for network in PRIVATE} == set(rule.split())


def test_nobody_comes_nearer_by_a_proxy_or_a_claim() -> None:
    assert not ORIGINS.of(scope("10.0.0.2", "8.8.8.8")).is_private
    assert not ORIGINS.of(scope("10.0.0.2", "127.0.0.1, 8.8.8.8")).is_private
    assert not ORIGINS.of(scope("8.8.8.8", "127.0.0.1")).is_private


@pytest.mark.parametrize(
    "piece",
    [",", "1,", "10.0.0.3,", "1.", ":", "::1,", "fe80::1%", "2001:db8::1%a", " ", "\t,", "0", "[", "10.0.0.3 ", "\xff"],
)
def test_the_longest_header_is_read_in_no_time(piece: str) -> None:
    worst = (piece * HEADERS_BYTES)[:HEADERS_BYTES]
    for values in ([worst], [worst + ",10.0.0.3"], ["10.0.0.3,"] * 3_000):
        asked = scope("10.0.0.2", *values)
        begun_s = time.thread_time()
        origin = ORIGINS.of(asked)
        known = len(origin.network) + sum(map(len, origin.blocks))
        assert time.thread_time() - begun_s < 0.02
        assert known < 200, "what is kept of it is short"
