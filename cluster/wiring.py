"""The composition root: from settings and addresses to a deployed application."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import serve.deploy
from actors.deployment import lifecycle, placement
from actors.deployment.config import ActorConfig
from actors.registry import RECONCILER, SUPERVISOR
from cluster.errors import ClusterError
from cluster.settings import Settings
from cluster.signing_keys import keys_folder
from cluster.state import Endpoints
from cluster.store_config import store_config
from dataflows.deploy import TrendsConfig, TrendsWorkerGroup
from domain.clock import SystemClock
from serve.config import ApiConfig
from storage.cassandra.driver import schema
from storage.cassandra.stores import open_stores
from storage.desired_state import COUNTERS_UP, DESIRED_COUNTERS, SHARDS, SHARDS_UP, TRENDS_WORKERS
from storage.ports.coordination import DATA_CREATED_AT
from storage.stores import StoreConfig

_STOP_S = 3.0
_PARTITIONS_CHECKPOINT = "log-partitions"


def deploy(settings: Settings, endpoints: Endpoints, reached: Callable[[str], None]) -> None:
    """Bring the schema up to date, then start actors and replicas side by side; they exist when this returns."""
    stores = store_config(settings, endpoints)
    asyncio.run(_prepare(settings, stores))
    reached("The schema is up to date")
    actor_config = ActorConfig(
        stores=stores,
        log_level=settings.log_level,
        exporter_host=settings.http_host,
        exporter_port=settings.exporter_port,
    )
    trends = TrendsConfig(stores=stores, snapshots=settings.data_dir / "trends", log_level=settings.log_level)
    lifecycle.start(actor_config, TrendsWorkerGroup(trends, placement.nodes), settings.fanout_shards, settings.counters)
    reached("The actors come up")
    deploy_api(settings, endpoints)
    reached("The replicas are up")


def deploy_api(settings: Settings, endpoints: Endpoints, *, wait: bool = True) -> None:
    """Start the replicas, or renew those that there are. Returns when they are up, or at once."""
    config = ApiConfig(
        stores=store_config(settings, endpoints),
        jwt_keys=keys_folder(settings),
        rate_limits_on=settings.rate_limits == "on",
        trusted_proxies=settings.believed_proxies,
        cors_origins=settings.cors_origins,
        actors=(RECONCILER, SUPERVISOR),
        log_level=settings.log_level,
        replicas=settings.serve_replicas,
        replicas_max=settings.serve_replicas_max,
        nodes=len(placement.nodes()),
    )
    serve.deploy.deploy(config, wait=wait)


def undeploy() -> None:
    """End replicas and actors side by side, each drained; what they leave in the log is found at the next start."""
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(serve.deploy.undeploy)
        lifecycle.stop(_STOP_S)
        stopping.result()


async def _prepare(settings: Settings, stores: StoreConfig) -> None:
    """Bring the schema up to date; refuse another number of partitions than the data was written with.

    From here on the settings say how many of each actor are wanted, whatever was wanted before.
    """
    copies = settings.cassandra_replication
    placed = ((settings.cassandra_datacenter, copies),) if copies > 1 else ()  # one copy needs no topology
    await schema.migrate(stores.cassandra, schema.Replication(datacenters=placed))
    cassandra = await open_stores(stores.cassandra, partitions=stores.partitions)
    try:
        partitions = await cassandra.coordination.checkpoint(_PARTITIONS_CHECKPOINT)
        if partitions is None:
            await cassandra.coordination.set_checkpoint(DATA_CREATED_AT, SystemClock().now_ms())
            await cassandra.coordination.set_checkpoint(_PARTITIONS_CHECKPOINT, stores.partitions)
        elif partitions != stores.partitions:
            raise ClusterError(
                f"MURMUR_LOG_PARTITIONS is {stores.partitions}, but the data was written with {partitions}."
            )
        numbers = {
            SHARDS: settings.fanout_shards,
            SHARDS_UP: settings.fanout_shards,
            DESIRED_COUNTERS: settings.counters,
            COUNTERS_UP: settings.counters,
            TRENDS_WORKERS: settings.trends_workers,
        }
        for checkpoint, number in numbers.items():
            await cassandra.coordination.set_checkpoint(checkpoint, number)
    finally:
        await cassandra.close()
