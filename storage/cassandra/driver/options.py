"""Options of the driver, as one value that travels to every process."""

from dataclasses import dataclass, field
from typing import Any

from cassandra import DependencyException
from cassandra.auth import PlainTextAuthProvider

from storage.loopback import is_loopback
from storage.tls import TlsOptions

PROTOCOL_VERSION = 5
"""Spoken by Cassandra 4.0 and later; fixed, so that nothing is negotiated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CassandraOptions:
    """Address of a Cassandra; `contact_points` are `host:port`, `consistency` is a name such as `LOCAL_QUORUM`."""

    contact_points: tuple[str, ...]
    keyspace: str
    datacenter: str = "datacenter1"
    consistency: str = "LOCAL_QUORUM"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsOptions | None = None

    def cluster_arguments(self) -> dict[str, Any]:
        """Arguments that all connections of the driver have in common."""
        split = (point.rpartition(":") for point in self.contact_points)
        endpoints = [(host.strip("[]"), int(port)) for host, _, port in split]  # an IPv6 host may stand in brackets
        return {
            "contact_points": endpoints,
            "port": endpoints[0][1],
            "auth_provider": PlainTextAuthProvider(self.username, self.password) if self.username is not None else None,
            "ssl_context": self.tls.context() if self.tls is not None else None,
            "protocol_version": PROTOCOL_VERSION,
            "compression": not all(is_loopback(host) for host, _ in endpoints),
            "connection_class": _connection_class(),
            "monitor_reporting_enabled": False,
        }


def _connection_class() -> Any:
    """The driver's event loop: libev where the driver was built with it, else asyncio in a thread of the driver's."""
    try:
        from cassandra.io.libevreactor import LibevConnection
    except DependencyException:
        from cassandra.io.asyncioreactor import AsyncioConnection

        return AsyncioConnection
    return LibevConnection
