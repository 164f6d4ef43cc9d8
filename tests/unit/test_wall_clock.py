"""The wall clock of processes is off by what their folder says, at once and in those that are meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.clock import SystemClock
from tests.support.wall_clock import WallClock

_TELLING = """
import sys
from time import time, time_ns
for _ in sys.stdin:
    print(time(), time_ns() / 1e9, flush=True)
"""
_OFF_S = -1_000_000.0
_NEAR_S = 10_000.0


@pytest.mark.parametrize(("of_all", "off_s"), [(True, _OFF_S), (False, 0.0)])
def test_a_clock_jumps_while_its_process_runs(tmp_path: Path, of_all: bool, off_s: float) -> None:
    clock = WallClock(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    words = [sys.executable, "-c", _TELLING]
    with subprocess.Popen(
        words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as child:
        assert child.stdin
        assert child.stdout

        def told() -> list[float]:
            assert child.stdin
            assert child.stdout
            child.stdin.write("\n")
            return [float(word) - SystemClock().now_ms() / 1000 for word in child.stdout.readline().split()]

        assert told() == pytest.approx([0, 0], abs=_NEAR_S)
        clock.put_off(_OFF_S, 0 if of_all else os.getpid())
        assert told() == pytest.approx([off_s, off_s], abs=_NEAR_S)
        clock.put_off(_OFF_S, child.pid)
        assert told() == pytest.approx([_OFF_S, _OFF_S], abs=_NEAR_S)
        clock.put_off(0)
        assert told() == pytest.approx([0, 0], abs=_NEAR_S)
        child.stdin.close()
