"""Loopback addresses, which never leave the machine."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """True if what is sent to that host stays on this machine; a name but `localhost` may lead anywhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
