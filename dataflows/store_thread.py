"""The stores' event loop in a thread of its own, for workers that must never wait."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import uvloop
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from domain.errors import Overloaded, StoreUnavailable
from storage.ports.coordination import DATA_CREATED_AT
from storage.rows import MINUTE_MS
from storage.stores import StoreConfig, Stores, open_stores

T = TypeVar("T")

_OPEN_S = 10.0
_CLOSE_S = 5.0


class StoreThread:
    """Runs coroutines of the stores for threads that have no event loop."""

    def __init__(self, config: StoreConfig) -> None:
        """Open the stores. Raises `StoreUnavailable` if Cassandra cannot be reached."""
        self.config = config
        self.loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="stores", daemon=True)
        self._thread.start()
        self.stores: Stores = self.call(open_stores(config), _OPEN_S)

    def start(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Begin some work."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Do some work and wait for it. Raises what it raises, and `TimeoutError`; then it is given up."""
        started = self.start(work)
        try:
            return started.result(timeout_s)
        except TimeoutError:
            started.cancel()
            raise

    def retry_until(self, begin: Callable[[], Coroutine[Any, Any, T]], timeout_s: float, retry_for_s: float) -> T:
        """Repeat some work while a store is busy or away, so long at most. Raises as `call` does."""
        again = Retrying(
            retry=retry_if_exception_type((StoreUnavailable, Overloaded, TimeoutError)),
            stop=stop_after_delay(retry_for_s),
            wait=wait_random_exponential(0.1, max=2.0),
            reraise=True,
        )
        return again(lambda: self.call(begin(), timeout_s))

    def data_created_ms(self) -> int:
        """A wall time before which no event was made, whatever the clocks say; 0 if that is not known."""
        data_created_ms = self.call(self.stores.ports.coordination.checkpoint(DATA_CREATED_AT), _OPEN_S)
        return 0 if data_created_ms is None else data_created_ms - MINUTE_MS

    def close(self) -> None:
        """Close the stores and end the thread."""
        self.call(self.stores.close(), _CLOSE_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(_CLOSE_S)
