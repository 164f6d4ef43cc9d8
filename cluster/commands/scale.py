"""`python -m cluster scale`: changes the number of shards, counters, workers or replicas of a system that runs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.commands import app
from cluster.errors import NotReady
from cluster.ray_driver import connect_to_running
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.store_config import store_config
from domain.errors import EngineError
from domain.ids import COUNT_PARTS, RANGES
from domain.trends.tag_counts import TAG_BUCKETS
from storage.cassandra.stores import open_stores
from storage.desired_state import DESIRED_COUNTERS, SHARDS, TRENDS_WORKERS, desired
from storage.ports.coordination import CoordinationStore
from storage.stores import StoreConfig

_SCALED_S = 120.0
_POLL_S = 0.2
_ANSWER_S = 5.0
_NAMES = {SHARDS: "fan-out shards", DESIRED_COUNTERS: "counters", TRENDS_WORKERS: "workers of trends"}
_console = Console()


@app.command()
def scale(
    shards: Annotated[int | None, typer.Option(min=1, max=RANGES, help="Fan-out shards.")] = None,
    counters: Annotated[int | None, typer.Option(min=1, max=COUNT_PARTS, help="Counters.")] = None,
    trends: Annotated[int | None, typer.Option(min=1, max=TAG_BUCKETS, help="Workers of the trends dataflow.")] = None,
    replicas: Annotated[int | None, typer.Option(min=1, help="HTTP replicas; the least when autoscaling.")] = None,
) -> None:
    """Change how many shards deliver tweets, counters count likes and so on, workers count trends, or replicas answer.

    Exit code 0 when it is so, 1 when it is not yet or another command wants something else. Ranges of followers move
    to shards that are well; a shard that leaves ends when it has none. Counters share the work anew when all are up.
    Workers of trends go on from a snapshot.
    Replicas are renewed one after another, and each node takes its share of them. At the next start
    `MURMUR_FANOUT_SHARDS`, `MURMUR_COUNTERS`, `MURMUR_TRENDS_WORKERS` and `MURMUR_SERVE_REPLICAS` decide again.
    """
    given = {SHARDS: shards, DESIRED_COUNTERS: counters, TRENDS_WORKERS: trends}
    counts = {checkpoint: count for checkpoint, count in given.items() if count is not None}
    if not counts and replicas is None:
        raise typer.BadParameter("say --shards, --counters, --trends or --replicas, or several of them.")
    settings = load_settings()
    if replicas is not None and replicas > (settings.serve_replicas_max or replicas):
        raise typer.BadParameter(f"MURMUR_SERVE_REPLICAS_MAX is {settings.serve_replicas_max}.")
    endpoints = RunState.read(settings.data_dir).endpoints
    config = store_config(settings, endpoints)
    connect_to_running(settings, endpoints)
    if replicas is not None:
        from cluster import wiring  # imports Ray, which reads its environment then

        wiring.deploy_api(settings.model_copy(update={"serve_replicas": replicas}), endpoints, wait=False)
    asyncio.run(_change(config, counts, replicas, settings.data_dir))
    for checkpoint, count in counts.items():
        _console.print(f"The number of {_NAMES[checkpoint]} is {count}.")
    if replicas is not None:
        _console.print(f"The number of replicas is {replicas}.")


async def _change(config: StoreConfig, counts: Mapping[str, int], replicas: int | None, data_dir: Path) -> None:
    """Write down the desired numbers, and wait until they are met: others see to it, also after this command."""
    cassandra = await open_stores(config.cassandra, partitions=config.partitions)
    try:
        for checkpoint, count in counts.items():
            await cassandra.coordination.set_checkpoint(checkpoint, count)
        until_s = asyncio.get_running_loop().time() + _SCALED_S
        while pending := await _pending_changes(cassandra.coordination, counts, replicas):
            RunState.read(data_dir)  # raises when it was stopped meanwhile
            if asyncio.get_running_loop().time() >= until_s:
                raise NotReady(
                    f"Not so within {_SCALED_S:.0f} s: {', '.join(pending)}. The system goes on trying until another "
                    "number is asked for; look at `python -m cluster status`, and for room in the Ray dashboard."
                )
            await asyncio.sleep(_POLL_S)
    finally:
        await cassandra.close()


async def _pending_changes(
    coordination: CoordinationStore, counts: Mapping[str, int], replicas: int | None
) -> list[str]:
    """List the changes that are not yet made. Raises `NotReady` if another command has asked for other numbers."""
    try:
        for checkpoint, count in counts.items():
            if (now := await desired(coordination, checkpoint)) != count:
                raise NotReady(
                    f"Another command has asked for another number of {_NAMES[checkpoint]} meanwhile: {now}."
                )
        return await asyncio.to_thread(_unmet, counts, replicas)
    except EngineError as error:
        return [str(error)]


def _unmet(counts: Mapping[str, int], replicas: int | None) -> list[str]:
    """Ask the supervisor and Serve which numbers are not yet met."""
    import ray  # reads its environment then

    import serve.deploy
    from actors.deployment.placement import NAMESPACE
    from actors.registry import SUPERVISOR

    unmet: list[str] = serve.deploy.unmet(replicas) if replicas is not None else []
    if not counts:
        return unmet
    try:
        supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
        numbers = [counts.get(checkpoint) for checkpoint in _NAMES]
        unmet += ray.get(supervisor.unmet.remote(*numbers), timeout=_ANSWER_S)
    except (ray.exceptions.RayError, ValueError):  # it died; Ray starts it again
        unmet.append("the supervisor does not answer")
    return unmet
