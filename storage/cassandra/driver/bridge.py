"""From the driver's thread to the event loop: many answers, one wake-up."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from cassandra.cluster import ResponseFuture, ResultSet


class Page(NamedTuple):
    """Rows of one page, and where the next begins (None after the last)."""

    rows: Sequence[Any]
    next_page: bytes | None


class Bridge:
    """Turns the driver's callbacks into futures of one event loop.

    Waking a loop costs a system call, so answers are collected and the loop is woken once for all that have come.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._answers: deque[tuple[asyncio.Future[Page], Page | Exception]] = deque()
        self._woken = False
        self.in_flight = 0
        """Requests whose answer has not come, those that nobody waits for any more included."""

    def future_of(self, response: ResponseFuture) -> asyncio.Future[Page]:
        """The answer to a request that was sent."""
        future: asyncio.Future[Page] = self._loop.create_future()
        self.in_flight += 1
        response.add_callbacks(self._answered, self._pass_on, callback_args=(future, response), errback_args=(future,))
        return future

    def _answered(self, rows: Any, future: asyncio.Future[Page], response: ResponseFuture) -> None:
        void = rows is None  # the answer to a write
        self._pass_on(Page((), None) if void else Page(rows, ResultSet(response, rows).paging_state), future)

    def _pass_on(self, answer: Page | Exception, future: asyncio.Future[Page]) -> None:
        self._answers.append((future, answer))
        if not self._woken:
            self._woken = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                self._answers.clear()  # the loop is closed: nobody waits for the answers any more

    def _deliver(self) -> None:
        self._woken = False  # before the answers are taken: one that comes now wakes the loop again
        while self._answers:
            future, answer = self._answers.popleft()
            self.in_flight -= 1
            if future.done():
                continue
            if isinstance(answer, Page):
                future.set_result(answer)
            else:
                future.set_exception(answer)
