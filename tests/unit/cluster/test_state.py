"""The file of a running system, as other commands read it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.state import FolderLock, RunState
from tests.support.system import endpoints_on


@pytest.fixture
def state(tmp_path: Path) -> Iterator[RunState]:
    """Of a system that runs: this process."""
    lock = FolderLock(tmp_path)
    lock.name_holder("http://127.0.0.1:8000")
    state = RunState(pid=os.getpid(), endpoints=endpoints_on(tmp_path))
    state.write()
    yield state
    lock.release()


def test_what_was_written_is_read(state: RunState) -> None:
    assert RunState.read(state.endpoints.data_dir) == state


@pytest.mark.parametrize("damaged", ["", "{", '{"pid": 1}', '{"pid": "one", "endpoints": {}}', "\xff"])
def test_a_damaged_file_is_one_sentence(state: RunState, damaged: str) -> None:
    folder = state.endpoints.data_dir
    (folder / "run.json").write_bytes(damaged.encode("latin-1"))
    with pytest.raises(ClusterError, match=r"run\.json cannot be read \(.+\); stop the system and start it again\.$"):
        RunState.read(folder)
