"""`python -m cluster status`: shows a running system from outside, its dependencies and its actors by name."""

import json
from collections.abc import Container
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cluster import readiness
from cluster.commands import app
from cluster.ray_driver import NAMESPACE, connect_to_running
from cluster.settings import Settings, load_settings
from cluster.state import Endpoints, RunState

_ACTORS_MAX = 10_000
_ALIVE = "ALIVE"


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
) -> None:
    """Show each dependency and actor of the running system. Exit code 0 only when all are green."""
    report = inspect(load_settings())
    if as_json:
        typer.echo(json.dumps(report.as_document(), indent=2))
    else:
        table = Table("", "kind", "name", "detail", box=None)
        for line in report.lines:
            table.add_row("[green]ok[/green]" if line.ok else "[red]down[/red]", line.kind, line.name, line.detail)
        Console().print(table)
    if not report.all_green:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One dependency or actor."""

    kind: str
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was asked, in the order in which it is shown."""

    endpoints: Endpoints
    lines: tuple[StatusLine, ...]

    @property
    def all_green(self) -> bool:
        return all(line.ok for line in self.lines)

    def as_document(self) -> dict[str, object]:
        """The report for machines; passwords in URLs are left out."""
        return {
            "all_green": self.all_green,
            "http_url": self.endpoints.http_url,
            "dashboard_url": self.endpoints.dashboard_url,
            "lines": [asdict(line) for line in self.lines],
        }


def inspect(settings: Settings) -> Report:
    """Look at the system that runs on the data folder. Raises `NotRunning` when there is none."""
    endpoints = RunState.read(settings.data_dir).endpoints
    answer = readiness.ask(endpoints.http_url)
    lines = [StatusLine("http", "api", answer.ready, answer.summary())]
    lines += [StatusLine("dependency", check.name, check.ok, check.detail) for check in answer.checks]
    required = {check.name for check in answer.checks}
    return Report(endpoints, (*lines, *_actors(connect_to_running(settings, endpoints), required)))


def _actors(dashboard_url: str | None, required: Container[str]) -> list[StatusLine]:
    """List the actors that live, and those that must: of shards and workers there may have been more before."""
    import ray
    from ray.util import state

    if dashboard_url is None:  # only a dashboard knows of dead actors; without one, the living can be shown
        return [StatusLine("actor", name, True, "alive") for name in sorted(ray.util.list_named_actors())]
    states: dict[str, str] = {}
    for actor in state.list_actors(dashboard_url, limit=_ACTORS_MAX, detail=True, raise_on_missing_output=False):
        if actor.name and actor.ray_namespace == NAMESPACE and states.get(actor.name) != _ALIVE:
            states[actor.name] = actor.state  # a name may have been borne by one that died: the living one counts
    ray.shutdown()
    return [
        StatusLine("actor", name, state == _ALIVE, state.lower())
        for name, state in sorted(states.items())
        if state == _ALIVE or name in required
    ]
