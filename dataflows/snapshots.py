"""Where a dataflow's snapshots are kept."""

import shutil
from pathlib import Path

from bytewax.recovery import init_db_dir

_PARTS = 8
"""Files over which snapshots are spread; fixed once a folder is made."""


def folder(base: Path, version: int, *, fresh: bool = False) -> Path:
    """The folder of one version of a dataflow's state, made if there is none; those of other versions are removed.

    `fresh` gives up what is in it: the dataflow begins anew, in Cassandra.
    """
    kept = base / f"v{version}"
    for found in base.glob("*"):
        if found != kept or fresh:
            shutil.rmtree(found) if found.is_dir() else found.unlink()
    if not any(kept.glob("*.sqlite3")):
        kept.mkdir(parents=True, exist_ok=True)
        init_db_dir(kept, _PARTS)
    return kept
