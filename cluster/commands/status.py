"""`python -m cluster status`: shows a running system from outside, its dependencies and its actors by name."""

import json
from collections.abc import Container
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster import readiness
from cluster.commands import app
from cluster.ray_driver import NAMESPACE, connect_to_running
from cluster.readiness import Check
from cluster.settings import load_settings
from cluster.state import RunState

_ACTORS_MAX = 10_000
_ALIVE = "ALIVE"


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """Show each dependency and actor of the running system. Exit code 0 only when all are green."""
    settings = load_settings()
    endpoints = RunState.read(settings.data_dir).endpoints
    answer = readiness.ask(endpoints.http_url)
    connect_to_running(settings, endpoints)
    actors = _actors(endpoints.dashboard_url, answer.checks)
    lines = [("http", "api", Check(answer.ready, answer.summary()))]
    lines += [("dependency", name, check) for name, check in answer.checks.items()]
    lines += [("actor", name, check) for name, check in actors.items()]
    all_green = all(check.ok for _, _, check in lines)
    if as_json:
        document = {  # URLs that may hold a password are left out
            "all_green": all_green,
            "http_url": endpoints.http_url,
            "dashboard_url": endpoints.dashboard_url,
            "lines": [{"kind": kind, "name": name, **asdict(check)} for kind, name, check in lines],
        }
        typer.echo(json.dumps(document, indent=2))
    else:
        table = Table("", "kind", "name", "detail", box=None)
        for kind, name, check in lines:
            table.add_row("[green]ok[/green]" if check.ok else "[red]down[/red]", kind, name, check.detail)
        Console().print(table)
    if not all_green:
        raise typer.Exit(1)


def _actors(dashboard_url: str | None, required: Container[str]) -> dict[str, Check]:
    """List the actors that live, and those that must: of shards and workers there may have been more before."""
    import ray
    from ray.util import state

    if dashboard_url is None:  # only a dashboard knows of dead actors; without one, the living can be shown
        return {name: Check(True, "alive") for name in sorted(ray.util.list_named_actors())}
    states: dict[str, str] = {}
    for actor in state.list_actors(dashboard_url, limit=_ACTORS_MAX, detail=True, raise_on_missing_output=False):
        if actor.name and actor.ray_namespace == NAMESPACE and states.get(actor.name) != _ALIVE:
            states[actor.name] = actor.state  # a name may have been borne by one that died: the living one counts
    ray.shutdown()
    return {
        name: Check(state == _ALIVE, state.lower())
        for name, state in sorted(states.items())
        if state == _ALIVE or name in required
    }
