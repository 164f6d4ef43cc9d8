"""Another user of the machine finds no door into a running system."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from cluster.private import OTHERS
from cluster.settings import environment
from tests.support.system import ROOT, RunningSystem

STORES = ("java", "redis-server")
_PATIENCE_S = 120.0


def family(system: RunningSystem) -> list[psutil.Process]:
    up = psutil.Process(system.process.pid)
    return [up, *up.children(recursive=True)]


def listening(system: RunningSystem) -> dict[int, str]:
    """The ports of the system, by the name of who listens."""
    found = {}
    for process in family(system):
        for end in process.net_connections("tcp"):
            if end.status == psutil.CONN_LISTEN:
                found[end.laddr.port] = process.name()
    return found


def folders_of(system: RunningSystem) -> tuple[Path, Path]:
    data_dir = system.endpoints.data_dir
    return data_dir, (data_dir / "scratch").readlink()


def secrets_of(data_dir: Path) -> set[str]:
    files = (*(data_dir / "keys").rglob("*"), data_dir / "cassandra" / "password")
    found = {line for path in files if path.is_file() for line in path.read_text().splitlines()}
    return {line for line in found if line and "-----" not in line}  # the frame of a key is none


def as_another_user(asked: Mapping[str, object]) -> list[str]:
    """What that user got into."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stranger"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def test_another_user_of_the_machine_finds_no_door(system: RunningSystem) -> None:
    folders = folders_of(system)
    assert all(folder.stat().st_mode & OTHERS == 0 for folder in folders)
    files = [str(path) for folder in folders for path in (folder, *folder.rglob("*"))]
    listeners = listening(system)
    ports = [port for port, name in listeners.items() if name not in STORES]
    cassandra = int(system.endpoints.cassandra_contact_points[0].rpartition(":")[2])
    redis = urlsplit(system.endpoints.redis_url).port
    assert listeners[cassandra] == "java"
    assert len(files) > 100
    assert len(ports) > 20
    # only root can become another user; without it, that the folders are closed must do
    files_tried = files if os.geteuid() == 0 else []
    tried = {"files": files_tried, "ports": ports, "cassandra": cassandra, "redis": redis}
    assert as_another_user(tried) == []


def test_what_all_users_can_read_of_a_process_holds_no_secret(system: RunningSystem) -> None:
    secrets = secrets_of(system.endpoints.data_dir)
    assert len(secrets) >= 4
    for process in family(system):
        with suppress(psutil.NoSuchProcess):  # it has ended since
            assert not [secret for secret in secrets if secret in " ".join(process.cmdline())], process.name()


def test_a_command_shows_the_token_that_the_dashboard_asks_for(system: RunningSystem) -> None:
    url = f"{system.endpoints.dashboard_url}/api/v0/nodes"
    assert httpx.get(url).status_code == 401
    run = partial(subprocess.run, env=system.environment, cwd=system.folder, capture_output=True, text=True)
    kept = run(system.command("dashboard-token"))
    assert (kept.returncode, kept.stdout) == (1, "")
    assert "say --show" in kept.stderr
    token = run(system.command("dashboard-token", "--show")).stdout.strip()
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=_PATIENCE_S).status_code == 200
