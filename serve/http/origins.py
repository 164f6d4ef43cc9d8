"""Origins of requests: the address that counts, however many proxies stand between."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from starlette.types import Scope

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HOPS_MAX: Final = 20
"""Entries of `X-Forwarded-For` that are looked at, from its end."""
_HOP_CHARS_MAX: Final = 64
"""The longest IPv6 address has 45 characters, and may name a zone."""
_REMEMBERED: Final = 4_096
"""Origins that are not worked out again."""
PRIVATE: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
"""Networks of those who run the service and look whether it lives; HAProxy lets the same go first."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Origin of a request, as far as it is known."""

    blocks: tuple[str, ...]
    """Blocks of addresses that count as one client, the narrowest first.

    An IPv4 address; of IPv6 the /64 that every customer has, and the /56 that many have.
    """
    network: str
    """The neighbourhood, which tells less than the address: the /24 of IPv4, the /56 of IPv6."""
    is_private: bool
    """True if it is of this machine or of a network that nobody reaches from outside."""


class Origins:
    """Finds where requests come from, given whose `X-Forwarded-For` is believed."""

    def __init__(self, trusted_proxies: Iterable[str] = ()) -> None:
        """`trusted_proxies` are addresses or networks."""
        self._trusted = tuple(ipaddress.ip_network(proxy, strict=False) for proxy in trusted_proxies)
        self._lately = lru_cache(_REMEMBERED)(self.found)

    def of(self, scope: Scope) -> Origin:
        client = scope.get("client")
        # Several headers of one name are one list (RFC 9110, 5.3).
        forwarded_for = b",".join([value for name, value in scope["headers"] if name == b"x-forwarded-for"])
        find = self._lately if len(forwarded_for) <= _HOP_CHARS_MAX else self.found
        return find(client[0] if client else "", forwarded_for.decode("latin-1"))

    def found(self, peer: str, forwarded_for: str) -> Origin:
        """The origin of what a peer passed on.

        Proxies append to `X-Forwarded-For`, so it is read from its end, past those that are trusted; what an
        untrusted one wrote is hearsay.
        """
        address = _address(peer)
        for hop in reversed(forwarded_for.rsplit(",", _HOPS_MAX)[-_HOPS_MAX:]):
            if address is None or not any(address in network for network in self._trusted):
                break
            claimed = _address(hop.strip())
            if claimed is None:
                break
            address = claimed
        return _origin(address)


def _origin(address: Address | None) -> Origin:
    if address is None:
        return Origin(("unknown",), "unknown", is_private=False)
    is_private = any(address in network for network in PRIVATE)
    if isinstance(address, ipaddress.IPv4Address):
        return Origin((str(address),), _block(address, 24), is_private)
    wide = _block(address, 56)
    return Origin((_block(address, 64), wide), wide, is_private)


def _address(text: str) -> Address | None:
    if len(text) > _HOP_CHARS_MAX:
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _block(address: Address, bits: int) -> str:
    spare = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> spare << spare)}/{bits}"
