"""The running system that a command is about."""

from cluster import readiness
from cluster.endpoints import Endpoints
from cluster.errors import NotReady
from cluster.settings import load_settings
from cluster.state import RunState


def running_system(url: str | None) -> tuple[str, Endpoints | None]:
    """The address of a system: the one given, or that of the data folder, whose endpoints are known.

    Raises `NotReady` when it is not ready, before anything is tried on it.
    """
    endpoints = RunState.read(load_settings().data_dir).endpoints if url is None else None
    base = (endpoints.http_url if endpoints is not None else url or "").rstrip("/")
    state = readiness.ask(base)
    if not state.ready:
        raise NotReady(f"The system at {base} is not ready: {state.summary()}.")
    return base, endpoints
