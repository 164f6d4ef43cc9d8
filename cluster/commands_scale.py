"""`python -m cluster scale`: another number of shards, workers or replicas for a system that runs."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.errors import NotReady
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.status import connect_to_running
from cluster.stores import store_config
from domain.errors import EngineError
from domain.ids import RANGES
from domain.trends.tag_counts import TAG_BUCKETS
from storage.cassandra.stores import open_stores
from storage.desired_state import SHARDS, TRENDS_WORKERS, desired
from storage.ports.coordination import CoordinationStore
from storage.stores import StoreConfig

_SCALED_S = 60.0
_LOOK_EVERY_S = 0.2
_ANSWER_S = 5.0
_NAMES = {SHARDS: "fan-out shards", TRENDS_WORKERS: "workers of trends"}
_console = Console()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scale")(scale)


def scale(
    shards: Annotated[int | None, typer.Option(min=1, max=RANGES, help="Fan-out shards.")] = None,
    trends: Annotated[int | None, typer.Option(min=1, max=TAG_BUCKETS, help="Workers of the trends dataflow.")] = None,
    replicas: Annotated[int | None, typer.Option(min=1, help="HTTP replicas; the least when autoscaling.")] = None,
) -> None:
    """Change how many shards deliver tweets, workers count trends, or replicas answer, while they run.

    Exit code 0 when it is so, 1 when it is not yet or another command wants something else. Ranges of followers move
    to shards that are well; a shard that leaves ends when it has none. Workers of trends go on from a snapshot.
    Replicas are renewed one after another, and each node takes its share of them. At the next start
    `MURMUR_FANOUT_SHARDS`, `MURMUR_TRENDS_WORKERS` and `MURMUR_SERVE_REPLICAS` decide again.
    """
    given = {SHARDS: shards, TRENDS_WORKERS: trends}
    asked = _Asked({checkpoint: count for checkpoint, count in given.items() if count is not None}, replicas)
    if not asked.checkpoints and replicas is None:
        raise typer.BadParameter("say --shards, --trends or --replicas, or several of them.")
    settings = load_settings()
    if replicas is not None and replicas > (settings.serve_replicas_max or replicas):
        raise typer.BadParameter(f"MURMUR_SERVE_REPLICAS_MAX is {settings.serve_replicas_max}.")
    endpoints = RunState.read(settings.data_dir).endpoints
    config = store_config(settings, endpoints)
    connect_to_running(settings, endpoints)
    if replicas is not None:
        from cluster import wiring  # imports Ray, which reads its environment then

        wiring.deploy_api(settings.model_copy(update={"serve_replicas": replicas}), endpoints, wait=False)
    asyncio.run(_change(config, asked, settings.data_dir))
    for checkpoint, count in asked.checkpoints.items():
        _console.print(f"The number of {_NAMES[checkpoint]} is {count}.")
    if replicas is not None:
        _console.print(f"The number of replicas is {replicas}.")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What there should be."""

    checkpoints: Mapping[str, int]
    """Of actors, by the checkpoint that says so."""
    replicas: int | None


async def _change(config: StoreConfig, asked: _Asked, data_dir: Path) -> None:
    """Write down what is wanted, and wait until it is so: others do it, whatever becomes of this command."""
    truth = await open_stores(config.cassandra, partitions=config.partitions)
    try:
        for checkpoint, count in asked.checkpoints.items():
            await truth.coordination.set_checkpoint(checkpoint, count)
        until_s = asyncio.get_running_loop().time() + _SCALED_S
        while unmet := await _unmet(truth.coordination, asked):
            RunState.read(data_dir)  # raises when it was stopped meanwhile
            if asyncio.get_running_loop().time() >= until_s:
                raise NotReady(
                    f"Not so within {_SCALED_S:.0f} s: {', '.join(unmet)}. The system goes on trying until another "
                    "number is asked for; look at `python -m cluster status`, and for room in the Ray dashboard."
                )
            await asyncio.sleep(_LOOK_EVERY_S)
    finally:
        await truth.close()


async def _unmet(coordination: CoordinationStore, asked: _Asked) -> list[str]:
    """What is not yet so. Raises `NotReady` if it is not wanted any more."""
    try:
        for checkpoint, count in asked.checkpoints.items():
            if (now := await desired(coordination, checkpoint)) != count:
                raise NotReady(
                    f"Another command has asked for another number of {_NAMES[checkpoint]} meanwhile: {now}."
                )
        return await asyncio.to_thread(_told, asked)
    except EngineError as error:
        return [str(error)]


def _told(asked: _Asked) -> list[str]:
    """What the supervisor and Serve say is not yet so."""
    import ray  # reads its environment then

    import serve.deploy
    from actors.deploy import NAMESPACE, SUPERVISOR

    said: list[str] = serve.deploy.unmet(asked.replicas) if asked.replicas is not None else []
    if not asked.checkpoints:
        return said
    try:
        supervisor = ray.get_actor(SUPERVISOR, NAMESPACE)
        counts = asked.checkpoints.get(SHARDS), asked.checkpoints.get(TRENDS_WORKERS)
        said += ray.get(supervisor.unmet.remote(*counts), timeout=_ANSWER_S)
    except (ray.exceptions.RayError, ValueError):  # it died; Ray starts it again
        said.append("the supervisor does not answer")
    return said
