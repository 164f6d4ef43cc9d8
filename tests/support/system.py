"""A whole system as the README starts it, for the tiers that need one: own folder, own ports, no rate limits."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess
from cluster.errors import NotRunning
from cluster.settings import environment
from cluster.state import Endpoints, RunState
from cluster.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_START_TIMEOUT_S = 240.0  # the first start on a machine fetches Cassandra
_STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class RunningSystem:
    """A system that is up: the process that holds it together, where its parts are, how to run its commands."""

    process: ChildProcess
    endpoints: Endpoints
    environment: Mapping[str, str]
    folder: Path = ROOT
    """Where commands are run."""

    def command(self, *words: str) -> list[str]:
        """The words of `python -m cluster …` for this system; run them with its environment."""
        return [sys.executable, "-m", "cluster", *words]

    async def run(self, *words: str) -> str:
        """What such a command prints; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*words),
            env=dict(self.environment),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()


@contextmanager
def running_system(**settings: str) -> Iterator[RunningSystem]:
    """`python -m cluster up` with some `MURMUR_*` settings (lower case, without the prefix), until the block ends."""
    with system_environment(**settings) as environment_, started(environment_) as system:
        yield system


@contextmanager
def system_environment(**settings: str) -> Iterator[Mapping[str, str]]:
    """What makes a system: a folder and ports of its own, for one start after another."""
    ports = PortBlock()
    with tempfile.TemporaryDirectory(prefix="murmur-tests-") as folder:
        data_dir = Path(folder) / "data"
        chosen = {"data_dir": str(data_dir), "http_port": str(ports.port()), "rate_limits": "off", **settings}
        ours = {f"MURMUR_{name.upper()}": value for name, value in chosen.items()}
        try:
            yield {**environment(), **ours}
        finally:
            ports.release()


@contextmanager
def started(environment_: Mapping[str, str]) -> Iterator[RunningSystem]:
    """A system that runs until the block ends, or by itself before."""
    data_dir = Path(environment_["MURMUR_DATA_DIR"])
    log = data_dir.with_name("up.log")
    process = ChildProcess("Murmur", [sys.executable, "-m", "cluster", "up"], log, environment_, ROOT)
    try:
        yield RunningSystem(process, endpoints_of(process, data_dir), environment_)
    finally:
        process.stop(_STOP_TIMEOUT_S)


def endpoints_of(process: ChildProcess, data_dir: Path) -> Endpoints:
    """Where the parts of a system are, once it is up."""
    found: list[RunState] = []

    def is_up() -> bool:
        process.require_running()
        try:
            found.append(RunState.read(data_dir))
        except NotRunning:
            return False
        return True

    assert wait_until(is_up, _START_TIMEOUT_S), f"not up in time, last said: {process.log_path.read_text()[-2_000:]}"
    return found[-1].endpoints


def endpoints_on(folder: Path) -> Endpoints:
    """Where the parts of a system on a folder would be, of which none runs."""
    return Endpoints(
        cassandra_contact_points=(),
        redis_url="",
        ray_address="",
        http_url="",
        dashboard_url=None,
        metrics_urls=(),
        log_dir=folder,
        data_dir=folder,
    )
