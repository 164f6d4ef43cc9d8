"""What the source of a live dataflow believes of the time."""

from dataflows.sources.live import SteadyClock
from domain.clock import ManualClock

DAY_MS = 86_400_000


def test_a_clock_that_ran_ahead_for_a_moment_is_not_followed() -> None:
    clock = ManualClock()
    steady = SteadyClock(clock)
    began_ms = clock.now_ms()
    clock.advance(1_000)
    clock.jump(DAY_MS)
    clock.advance(30_000)
    assert steady.now_ms() == began_ms + 31_000
    clock.advance(30_000)
    assert steady.now_ms() == began_ms + 61_000
    clock.jump(-DAY_MS)
    clock.advance(1_000)
    assert steady.now_ms() == clock.now_ms() == began_ms + 62_000


def test_a_clock_that_stays_ahead_goes_a_little_ahead_or_goes_back_is_followed() -> None:
    clock = ManualClock()
    steady = SteadyClock(clock)
    clock.jump(DAY_MS)
    assert steady.now_ms() == clock.now_ms() - DAY_MS
    clock.advance(60_000)
    assert steady.now_ms() == clock.now_ms()
    for by_ms in (3_000, 3_000, -DAY_MS):
        clock.jump(by_ms)
        assert steady.now_ms() == clock.now_ms()
