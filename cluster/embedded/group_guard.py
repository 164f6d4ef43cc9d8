"""Runs a program, and ends every process that it started when it ends or when we are killed.

A program that ends well and leaves processes behind, as `ray start` does, has left them to this one: it then waits for
the first of them. Ray's agents have no tie to their parent that the kernel knows of, and linger for a minute after a
kill -9. All of a local Ray is therefore one process group, led by this program, which the kernel tells when `up` is
gone. Runs outside the project's environment: standard library only.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    prctl = ctypes.CDLL(None).prctl

    def end_group(_number: int = 0, _frame: FrameType | None = None) -> None:
        os.killpg(0, signal.SIGKILL)  # our own session: ourselves and what we started

    assert os.getpgrp() == os.getpid(), "started as the leader of a session"
    signal.signal(signal.SIGUSR1, end_group)
    prctl(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    if os.getppid() != int(sys.argv[1]):
        end_group()
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(sys.argv[2:], preexec_fn=lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
    signal.signal(signal.SIGTERM, lambda _number, _frame: child.terminate())
    code = child.wait()
    left = [] if code else Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    if left:
        signal.signal(signal.SIGTERM, end_group)
    ended = 0
    while left and str(ended) not in left:  # others may come to us later, when their parents die
        ended, code = os.wait()
    print(f"{sys.argv[2]}, or what it left to us, ended with code {code}", flush=True)
    end_group()


if __name__ == "__main__":
    main()
