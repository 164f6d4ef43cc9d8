"""Errors of the driver, sorted: an outage becomes `StoreUnavailable`, a mistake of ours stays what it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import cassandra
from cassandra import protocol
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.policies import RetryPolicy
from cassandra.pool import NoConnectionsAvailable

from domain.errors import StoreUnavailable
from telemetry import metrics

Cause = Literal["timeout", "unreachable", "breaker_open", "other"]
_NAME = "cassandra"
_DETAIL_CHARS_MAX = 300
_MISTAKES = (cassandra.RequestValidationException, protocol.RequestValidationException, cassandra.UnsupportedOperation)
_UNREACHABLE = (NoHostAvailable, ConnectionException, ConnectionBusy, NoConnectionsAvailable, OSError)
_DRIVER_ERRORS = (cassandra.DriverException, protocol.ErrorMessage, TimeoutError, *_UNREACHABLE)
"""Everything that the driver raises, mistakes included."""


def is_outage(error: BaseException) -> bool:
    """True if an error says something about the store rather than about the request."""
    return isinstance(error, _DRIVER_ERRORS) and not is_mistake(error)


def is_mistake(error: BaseException) -> bool:
    """True if the store refused a request for what it says; so the store is well."""
    return isinstance(error, _MISTAKES)


@contextmanager
def translated() -> Iterator[None]:
    """Around what the driver does: an outage is counted, and becomes the engine's own error."""
    try:
        yield
    except _DRIVER_ERRORS as error:
        if is_mistake(error):
            raise
        raise counted(_cause_of(error), f"{type(error).__name__}: {error}"[:_DETAIL_CHARS_MAX]) from error


def counted(cause: Cause, detail: str) -> StoreUnavailable:
    """An outage of a known cause, counted."""
    metrics.STORE_ERRORS.record(store=_NAME, cause=cause)
    return StoreUnavailable(_NAME, detail)


def _cause_of(error: BaseException) -> Cause:
    if isinstance(error, cassandra.OperationTimedOut | cassandra.Timeout | TimeoutError):
        return "timeout"
    if isinstance(error, cassandra.CoordinationFailure):
        return "other"
    return "unreachable" if isinstance(error, (cassandra.RequestExecutionException, *_UNREACHABLE)) else "other"


class RetryIdempotent(RetryPolicy):  # type: ignore[misc]
    """Retries once, and only what may be sent twice; the time limit of the request covers both attempts."""

    def on_read_timeout(self, query: Any, consistency: Any, *details: Any, **named: Any) -> Any:
        """Every hook ends in `retry_num`, which the driver passes by name or last."""
        retries = named.get("retry_num", details[-1] if details else 0)
        if retries == 0 and getattr(query, "is_idempotent", False):
            return self.RETRY_NEXT_HOST, consistency
        return self.RETHROW, None

    on_write_timeout = on_unavailable = on_request_error = on_read_timeout
