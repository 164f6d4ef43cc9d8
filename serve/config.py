"""Configuration of the HTTP application; light to import, for whoever deploys it."""

from dataclasses import dataclass
from pathlib import Path

from storage.stores import StoreConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Configuration of a replica, the same for all."""

    stores: StoreConfig
    jwt_keys: Path
    """Folder of the keys that sign access tokens, the same on every node. The keys themselves go nowhere."""
    rate_limits_on: bool
    trusted_proxies: tuple[str, ...]
    cors_origins: tuple[str, ...]
    actors: tuple[str, ...]
    """Names of the actors that must be alive for the system to be ready, beside the desired shards."""
    log_level: str
    replicas: int
    replicas_max: int | None
    nodes: int
    """Nodes for them: each takes its share and no more, so that none has all."""
