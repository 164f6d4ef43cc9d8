"""Client of `/readyz`, for those who wait for it and those who show it."""

from dataclasses import dataclass, replace

import httpx
import msgspec

from cluster.errors import NotReady
from cluster.settings import load_settings
from cluster.state import Endpoints, RunState

_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Check:
    """Answer of a dependency, as the API sees it, or of another part of a system."""

    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """One answer of `/readyz`, or why there was none."""

    ready: bool
    checks: dict[str, Check]
    problem: str | None = None

    def summary(self) -> str:
        if self.problem is not None:
            return self.problem
        failing = [f"{name}: {check.detail}" for name, check in self.checks.items() if not check.ok]
        return ", ".join(failing) or "all checks pass"


def ask(http_url: str) -> Readiness:
    """Ask once; never raises, as no answer is an answer too."""
    try:
        answer = httpx.get(f"{http_url}/readyz", timeout=_TIMEOUT_S)
    except httpx.HTTPError as failure:
        return Readiness(False, {}, f"no answer ({type(failure).__name__})")
    try:
        found = msgspec.json.decode(answer.content, type=Readiness)
    except ValueError:
        return Readiness(False, {}, f"answered {answer.status_code} without a readiness report")
    return replace(found, ready=found.ready and answer.status_code == 200)


def running_system(url: str | None) -> tuple[str, Endpoints | None]:
    """The address of a system: the one given, or that of the data folder, whose endpoints are known.

    Raises `NotReady` when it is not ready, before anything is tried on it.
    """
    endpoints = RunState.read(load_settings().data_dir).endpoints if url is None else None
    base = (endpoints.http_url if endpoints is not None else url or "").rstrip("/")
    state = ask(base)
    if not state.ready:
        raise NotReady(f"The system at {base} is not ready: {state.summary()}.")
    return base, endpoints
