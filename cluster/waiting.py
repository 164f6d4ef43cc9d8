"""Waiting for something to become true, with an end to it."""

import threading
import time
from collections.abc import Callable

_POLL_S = 0.05


def wait_until(check: Callable[[], bool], timeout_s: float, interval_s: float = _POLL_S) -> bool:
    """Ask `check` until it says yes or the time is over; the answer is its last one."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not check():
        if time.monotonic() >= deadline:
            return False
        pause.wait(interval_s)
    return True
