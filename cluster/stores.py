"""How the processes of a system open its stores, from its settings and addresses. Imports no Ray."""

from cluster.endpoints import Endpoints
from cluster.settings import Settings
from domain import limits
from storage.cassandra.options import CassandraOptions
from storage.opening import StoreConfig


def store_config(settings: Settings, endpoints: Endpoints) -> StoreConfig:
    """How every process of this system opens its stores."""
    password = settings.cassandra_password
    return StoreConfig(
        cassandra=CassandraOptions(
            contact_points=endpoints.cassandra_contact_points,
            keyspace=settings.cassandra_keyspace,
            datacenter=settings.cassandra_datacenter,
            consistency=settings.cassandra_consistency,
            username=settings.cassandra_username,
            password=password.get_secret_value() if password is not None else None,
        ),
        redis_url=endpoints.redis_url,
        partitions=settings.log_partitions,
        limits=limits.profile(settings.limits),
    )
