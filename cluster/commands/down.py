"""`python -m cluster down`: stops a system from another terminal."""

import os
import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.commands import app
from cluster.errors import NotReady, NotRunning
from cluster.settings import load_settings
from cluster.state import RunState, is_locked
from cluster.waiting import wait_until


@app.command()
def down(
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for its end.")] = 20.0,
) -> None:
    """Stop the system that runs on the data folder. Exit code 0 when it has ended, 1 otherwise."""
    pid = stop_running(load_settings().data_dir, timeout)
    Console().print(f"Stopped Murmur (pid {pid}).")


def stop_running(data_dir: Path, timeout_s: float) -> int:
    """Ask the system on this folder to stop and wait until it has; its pid.

    Raises `NotRunning` when there is none. The pid is that of the folder's lock holder, so no stranger is signalled.
    """
    state = RunState.read(data_dir)
    try:
        os.kill(state.pid, signal.SIGTERM)
    except ProcessLookupError:
        raise NotRunning(f"Murmur (pid {state.pid}) on {data_dir} has just ended.") from None
    if not wait_until(lambda: not is_locked(data_dir), timeout_s):
        raise NotReady(f"Murmur (pid {state.pid}) has not stopped within {timeout_s:.0f} s; see {data_dir / 'logs'}.")
    return state.pid
