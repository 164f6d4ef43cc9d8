"""Execution of a dataflow in this process, and the folder of its snapshots."""

import shutil
from datetime import timedelta
from pathlib import Path

from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from domain.errors import EngineError

EPOCH = timedelta(seconds=5)
"""The work that is done again after a crash; a snapshot of what changed is written at the end of each."""
_SNAPSHOT_FILES = 8
"""Files over which snapshots are spread; fixed once a folder is made."""


def execute(flow: Dataflow, *, epoch: timedelta | None = None, recovery: RecoveryConfig | None = None) -> None:
    """Run a dataflow to its end. Raises the `EngineError` or Ctrl-C that ended a step, which Bytewax wraps."""
    try:
        run_main(flow, epoch_interval=epoch, recovery_config=recovery)
    except BytewaxRuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, EngineError | KeyboardInterrupt):
            cause = cause.__cause__
        raise cause or error from error


def snapshot_folder(base: Path, version: int, *, fresh: bool = False) -> Path:
    """The folder of one version of a dataflow's state, made if there is none; those of other versions are removed.

    `fresh` gives up what is in it: the dataflow begins anew, in Cassandra.
    """
    kept = base / f"v{version}"
    for found in base.glob("*"):
        if found != kept or fresh:
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    if not any(kept.glob("*.sqlite3")):
        kept.mkdir(parents=True, exist_ok=True)
        init_db_dir(kept, _SNAPSHOT_FILES)
    return kept
