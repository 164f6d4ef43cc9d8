"""Configuration of the stores, from settings and addresses. Imports no Ray."""

from cluster.embedded import cassandra_login
from cluster.settings import Settings
from cluster.state import Endpoints
from domain import limits
from storage.cassandra.driver.options import CassandraOptions
from storage.stores import StoreConfig


def store_config(settings: Settings, endpoints: Endpoints) -> StoreConfig:
    """The configuration with which every process of this system opens its stores."""
    username, password = _login(settings, endpoints)
    return StoreConfig(
        cassandra=CassandraOptions(
            contact_points=endpoints.cassandra_contact_points,
            keyspace=settings.cassandra_keyspace,
            datacenter=settings.cassandra_datacenter,
            consistency=settings.cassandra_consistency,
            username=username,
            password=password,
            tls=settings.cassandra_tls_options,
        ),
        redis_url=endpoints.redis_url,
        partitions=settings.log_partitions,
        limits=limits.profile(settings.limits),
    )


def _login(settings: Settings, endpoints: Endpoints) -> tuple[str | None, str | None]:
    """Name and password for Cassandra: those of the settings, or those that the local one was given."""
    folder = endpoints.data_dir / cassandra_login.FOLDER
    if not settings.cassandra_contact_points and folder.is_dir():
        return cassandra_login.login_of(folder)
    password = settings.cassandra_password
    return settings.cassandra_username, password.get_secret_value() if password is not None else None
