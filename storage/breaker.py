"""A circuit breaker that lets one request at a time find out whether a dead store is back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType

from pybreaker import STATE_CLOSED, CircuitBreaker, CircuitBreakerError

Judge = Callable[[BaseException], bool]


class Breaker:
    """Refuses at once after some failures in a row; `reset_s` later one trial request decides.

    pybreaker keeps the state. It would let every request through while it is half open, and each would wait for a
    dead store's whole time limit: so only one may be trying. A cancelled request says nothing about the store.
    """

    def __init__(self, is_outage: Judge, is_mistake: Judge, *, failures_max: int, reset_s: float) -> None:
        """Judge errors: outages count, a mistake shows that the store answers, others say nothing."""
        self._is_outage = is_outage
        self._breaker = CircuitBreaker(
            fail_max=failures_max, reset_timeout=reset_s, exclude=[is_mistake], throw_new_error_on_trip=False
        )
        self._trying = False

    def guarding(self) -> AbstractContextManager[None]:
        """Around one call. Raises `CircuitBreakerError` at once instead of running it while the store is dead."""
        return self if self._breaker.current_state == STATE_CLOSED else self._one_trying()

    def __enter__(self) -> None:
        """Begin a call while the breaker is closed: nothing is made for it, as there are very many."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        if error is None:
            if self._breaker.fail_counter:
                with suppress(CircuitBreakerError), self._breaker.calling():
                    pass
        elif self._is_outage(error):  # pybreaker is told afterwards how the call ended
            with suppress(CircuitBreakerError, type(error)), self._breaker.calling():
                raise error

    @contextmanager
    def _one_trying(self) -> Iterator[None]:
        if self._trying:
            raise CircuitBreakerError("another request is trying the store")
        self._trying = True
        try:
            with self._breaker.calling():
                yield
        finally:
            self._trying = False
