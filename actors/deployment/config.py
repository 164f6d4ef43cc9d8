"""The configuration of the actors."""

from dataclasses import dataclass

from storage.stores import StoreConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorConfig:
    """The configuration that every actor is given."""

    stores: StoreConfig
    log_level: str
    exporter_host: str
    exporter_port: int
    """The address on which the cluster's exporter listens, wherever the supervisor is."""
