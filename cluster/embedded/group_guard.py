"""Runs a program, and ends every process that it started when it ends or when we are killed.

Ray's agents have no tie to their parent that the kernel knows of, and linger for a minute after a kill -9. All of a
local Ray is therefore one process group, led by this program, which the kernel tells when `up` is gone. Runs outside
the project's environment: standard library only.
"""

import ctypes
import os
import signal
import subprocess
import sys
from types import FrameType

_PR_SET_PDEATHSIG = 1


def main() -> None:
    prctl = ctypes.CDLL(None).prctl

    def end_group(_number: int = 0, _frame: FrameType | None = None) -> None:
        os.killpg(0, signal.SIGKILL)  # our own session: ourselves and what we started

    assert os.getpgrp() == os.getpid(), "started as the leader of a session"
    signal.signal(signal.SIGUSR1, end_group)
    prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    if os.getppid() != int(sys.argv[1]):
        end_group()
    child = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    signal.signal(signal.SIGTERM, lambda _number, _frame: child.terminate())
    code = child.wait()
    print(f"{sys.argv[2]} ended with code {code}", flush=True)
    end_group()


if __name__ == "__main__":
    main()
