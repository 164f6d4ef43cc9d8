"""Addresses and folders of a running system."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Addresses and folders of one system, wherever its components were started."""

    cassandra_contact_points: tuple[str, ...]
    """`host:port` each."""
    redis_url: str = field(repr=False)
    """May hold a password."""
    ray_address: str
    http_url: str
    dashboard_url: str | None
    metrics_urls: tuple[str, ...]
    log_dir: Path
    data_dir: Path
