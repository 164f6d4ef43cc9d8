"""`python -m cluster scale`: another number of workers for a system that runs."""

from typing import Annotated

import typer
from rich.console import Console

from cluster.embedded.ray_node import NAMESPACE
from cluster.errors import NotReady
from cluster.settings import load_settings
from cluster.state import RunState
from cluster.status import connect_to_running
from cluster.waiting import wait_until
from domain.trends import TAG_BUCKETS

_SCALED_S = 60.0
_console = Console()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("scale")(scale)


def scale(
    trends: Annotated[int, typer.Option(min=1, max=TAG_BUCKETS, help="Workers of the trends dataflow.")],
) -> None:
    """Change how many workers count trends, while they run. Exit code 0 when so many run, 1 otherwise.

    They go on from a snapshot, exact as before. At the next start `MURMUR_TRENDS_WORKERS` decides again.
    """
    settings = load_settings()
    endpoints = RunState.read(settings.data_dir).endpoints
    connect_to_running(settings, endpoints)
    import ray  # reads its environment then

    supervisor = ray.get_actor("supervisor", NAMESPACE)
    ray.get(supervisor.scale_trends.remote(trends))
    if not wait_until(lambda: ray.get(supervisor.trends_workers.remote()) == trends, _SCALED_S, 0.2):
        raise NotReady(f"The trends dataflow did not run on {trends} workers within {_SCALED_S:.0f} s.")
    _console.print(f"The trends dataflow runs on {trends} workers.")
