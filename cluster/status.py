"""What a running system looks like from outside: its dependencies by name, and its actors by name."""

from collections.abc import Container
from dataclasses import asdict, dataclass

from cluster import readiness
from cluster.embedded.ray_environment import ON_SEVERAL_NODES
from cluster.embedded.ray_node import NAMESPACE, connect, connect_to_local
from cluster.endpoints import Endpoints
from cluster.settings import Settings, put_in_environment
from cluster.state import RunState

_ACTORS_MAX = 10_000
_ALIVE = "ALIVE"


@dataclass(frozen=True, slots=True)
class Line:
    """One dependency or actor."""

    kind: str
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was asked, in the order in which it is shown."""

    endpoints: Endpoints
    lines: tuple[Line, ...]

    @property
    def all_green(self) -> bool:
        return all(line.ok for line in self.lines)

    def as_document(self) -> dict[str, object]:
        """For machines; passwords in URLs are left out."""
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
    lines = [Line("http", "api", answer.ready, answer.summary())]
    lines += [Line("dependency", check.name, check.ok, check.detail) for check in answer.checks]
    required = {check.name for check in answer.checks}
    return Report(endpoints, (*lines, *_actors(connect_to_running(settings, endpoints), required)))


def connect_to_running(settings: Settings, endpoints: Endpoints) -> str | None:
    """Make this process a driver of a running system's Ray; the URL of its dashboard, if it has one."""
    if settings.ray_address is None:
        return connect_to_local(settings.data_dir, endpoints.ray_address)
    put_in_environment(ON_SEVERAL_NODES)
    return connect(endpoints.ray_address)


def _actors(dashboard_url: str | None, required: Container[str]) -> list[Line]:
    """Those that live, and those that must: of shards and workers of trends there may have been more before."""
    import ray
    from ray.util import state

    if (
        dashboard_url is None
    ):  # only its dashboard knows of dead actors; without it, the living ones are what can be shown
        return [Line("actor", name, True, "alive") for name in sorted(ray.util.list_named_actors())]
    states: dict[str, str] = {}
    for actor in state.list_actors(dashboard_url, limit=_ACTORS_MAX, detail=True, raise_on_missing_output=False):
        if actor.name and actor.ray_namespace == NAMESPACE and states.get(actor.name) != _ALIVE:
            states[actor.name] = actor.state  # a name may have been borne by one that died: the living one counts
    ray.shutdown()
    return [
        Line("actor", name, state == _ALIVE, state.lower())
        for name, state in sorted(states.items())
        if state == _ALIVE or name in required
    ]
