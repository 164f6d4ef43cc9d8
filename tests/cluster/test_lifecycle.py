"""A system is started, asked to stop, killed, and started again: what is left of it, and what is kept."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
from rich.console import Console

from cluster.state import is_locked
from cluster.waiting import wait_until
from tests.acceptance.crash import crash_rounds
from tests.acceptance.own_system import OwnSystem
from tests.support.api_user import sign_up
from tests.support.key_files import folder_of
from tests.support.system import ROOT, RunningSystem, started, system_environment

_STOP_S = 20.0
"""Twice what a stop may take: the machine may be busy with other tests."""


async def test_a_signal_stops_all_of_it_and_the_next_start_has_the_data() -> None:
    with system_environment() as environment:
        with started(environment) as system:
            async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
                (alice,) = await sign_up(api, 1)
                tweet = await alice.post("still here?")
            second_start_is_refused(system)
            runs_nothing_unused(system)
            wakes_up_last(system)
            logs_no_request(system)
            ends_in_order(system, signal.SIGTERM)
        with started(environment) as system:
            async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
                assert (await api.get(f"/api/v1/tweets/{tweet}")).json()["text"] == "still here?"
            ends_in_order(system, signal.SIGINT)


def second_start_is_refused(system: RunningSystem) -> None:
    second = subprocess.run(
        system.command("up"), env=system.environment, cwd=system.folder, capture_output=True, text=True, timeout=60
    )
    said = rf"Murmur is already running on \S+ \(pid {system.process.pid}, at \S+\); stop it with `make down`\.\n"
    assert second.returncode == 3
    assert re.fullmatch(said, second.stderr), second.stderr
    assert httpx.get(f"{system.endpoints.http_url}/readyz").status_code == 200, "the first was left alone"


def runs_nothing_unused(system: RunningSystem) -> None:
    """Ray's servers for what nobody here uses stay away (`cluster/embedded/ray_head.py`); a new Ray may undo it."""
    commands = [" ".join(child.cmdline()) for child in psutil.Process(system.process.pid).children(recursive=True)]
    assert any("dashboard.py" in command for command in commands), commands
    unused = ("ray.util.client", "log_monitor", "autoscaler")
    assert not [command for command in commands if any(word in command for word in unused)]


def wakes_up_last(system: RunningSystem) -> None:
    """Whoever wakes up takes the core from nobody who is at work."""
    family = psutil.Process(system.process.pid).children(recursive=True)
    others = [child.cmdline() for child in family if os.sched_getscheduler(child.pid) != os.SCHED_BATCH]
    assert others == []


def logs_no_request(system: RunningSystem) -> None:
    """Nobody is told of a request (docs/decisions 0043); a new Ray may undo it."""
    (config,) = (system.endpoints.data_dir / "scratch").glob("h/**/*.cfg")
    rules = [line.strip() for line in config.read_text().splitlines()]
    assert "timeout server 30s" in rules
    assert not [rule for rule in rules if rule.startswith("log") or re.match("[^#]*txn.serve_", rule)]


def ends_in_order(system: RunningSystem, number: signal.Signals) -> None:
    """It ends by itself, leaves no process and no trace that it runs, and says so."""
    family = psutil.Process(system.process.pid).children(recursive=True)
    assert len(family) > 5
    os.kill(system.process.pid, number)
    assert wait_until(lambda: system.process.exit_code() is not None, _STOP_S)
    assert system.process.exit_code() == 0
    gone, alive = psutil.wait_procs(family, timeout=1)
    assert not alive
    assert len(gone) == len(family)
    said = system.process.log_path.read_text()
    assert said.endswith("Stopping what was started.\n"), said
    assert not [word for word in ("raylet", "failed", "retries", "Traceback") if word in said], said
    folder = system.endpoints.data_dir
    assert not is_locked(folder)
    assert not (folder / "run.json").exists()


async def test_tweets_that_were_answered_outlive_a_kill_of_everything_under_load() -> None:
    with OwnSystem("default", print) as system:
        assert await crash_rounds(system, rounds=1, users=12, load_s=3, seed=1, console=Console())


def test_keys_that_others_may_read_are_refused_before_anything_starts() -> None:
    with system_environment() as environment:
        data_dir = Path(environment["MURMUR_DATA_DIR"])
        data_dir.mkdir(mode=0o700)
        key = folder_of(data_dir) / "20260131T120000Z.pem"
        key.chmod(0o640)
        named = {**environment, "MURMUR_JWT_KEYS_DIR": str(key.parent)}
        command = [sys.executable, "-m", "cluster", "up"]
        up = subprocess.run(command, env=named, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert up.returncode == 2
    assert up.stderr == f"{key} is open to other users (mode 0640); run: chmod go= '{key}'\n"
    assert up.stdout == ""
