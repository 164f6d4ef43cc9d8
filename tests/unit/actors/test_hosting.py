import asyncio
import threading

import pytest

from actors.hosting import Component, Host
from cluster.waiting import wait_until
from domain.clock import SystemClock
from domain.errors import StoreUnavailable
from domain.limits import SMALL
from storage import keys
from tests.memory.cache import MemoryCacheStore
from tests.memory.redis import MemoryRedis

PATIENCE_S = 10.0


class Steps:
    """A component whose turns end as the test says."""

    def __init__(self, *ends: Exception | None, pause_s: float = 0.01) -> None:
        self.ends = list(ends)
        self.pause_s = pause_s
        self.turns = 0
        self.closed = False
        self.cache = MemoryCacheStore(MemoryRedis(SystemClock()), SMALL)

    async def step(self, wait_ms: int) -> float:
        self.turns += 1
        end = self.ends.pop(0) if self.ends else None
        if end is not None:
            raise end
        return self.pause_s

    async def close(self) -> None:
        self.closed = True


def hosted(steps: Steps, crashed: threading.Event) -> Host:
    async def open_() -> Component:
        return Component(steps.step, steps.close, steps.cache)

    return Host("tested", open_, SystemClock(), crashed.set)


def test_a_store_that_is_away_is_tried_again_and_a_stop_closes_in_order() -> None:
    steps, crashed = Steps(StoreUnavailable("redis"), None), threading.Event()
    host = hosted(steps, crashed)
    assert wait_until(lambda: steps.turns > 3, PATIENCE_S), steps.turns
    assert host.health().running
    assert host.stop(PATIENCE_S)
    assert steps.closed
    assert asyncio.run(steps.cache.fetch((), [keys.heartbeat("tested")]))[1] == [b"alive"]
    assert not crashed.is_set()
    assert not host.health().running


def test_a_stop_does_not_wait_for_a_pause() -> None:
    steps = Steps(pause_s=3_600)
    host = hosted(steps, threading.Event())
    assert wait_until(lambda: steps.turns == 1, PATIENCE_S)
    assert host.stop(PATIENCE_S)
    assert steps.closed
    assert host.stop(PATIENCE_S), "once is enough"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_of_ours_ends_the_process() -> None:
    steps, crashed = Steps(None, KeyError("a mistake")), threading.Event()
    host = hosted(steps, crashed)
    assert crashed.wait(PATIENCE_S)
    assert wait_until(lambda: not host.health().running, PATIENCE_S)
