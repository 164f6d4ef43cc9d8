"""Errors of the driver, sorted: an outage becomes `StoreUnavailable`, a mistake of ours stays what it is."""

from typing import Any, Literal

from cassandra import (
    CoordinationFailure,
    DriverException,
    OperationTimedOut,
    RequestExecutionException,
    RequestValidationException,
    Timeout,
    UnsupportedOperation,
)
from cassandra.cluster import NoHostAvailable
from cassandra.connection import ConnectionBusy, ConnectionException
from cassandra.policies import RetryPolicy
from cassandra.pool import NoConnectionsAvailable
from cassandra.protocol import ErrorMessage
from cassandra.protocol import RequestValidationException as RequestValidationMessage

from domain.errors import StoreUnavailable
from telemetry import metrics

Cause = Literal["timeout", "unreachable", "breaker_open", "other"]
_NAME = "cassandra"
_DETAIL_CHARS_MAX = 300
_MISTAKES = (RequestValidationException, RequestValidationMessage, UnsupportedOperation)
_UNREACHABLE = (NoHostAvailable, ConnectionException, ConnectionBusy, NoConnectionsAvailable, OSError)
DRIVER_ERRORS = (DriverException, ErrorMessage, TimeoutError, *_UNREACHABLE)
"""Everything that the driver raises, mistakes included."""


def is_outage(error: BaseException) -> bool:
    """True if an error says something about the store rather than about the request."""
    return isinstance(error, DRIVER_ERRORS) and not is_mistake(error)


def is_mistake(error: BaseException) -> bool:
    """True if the store refused a request for what it says; so the store is well."""
    return isinstance(error, _MISTAKES)


def unavailable(error: BaseException) -> StoreUnavailable:
    """An outage, counted, as the engine's own error."""
    return counted(_cause_of(error), f"{type(error).__name__}: {error}"[:_DETAIL_CHARS_MAX])


def counted(cause: Cause, detail: str) -> StoreUnavailable:
    """An outage of a known cause, counted."""
    metrics.STORE_ERRORS.record(store=_NAME, cause=cause)
    return StoreUnavailable(_NAME, detail)


def _cause_of(error: BaseException) -> Cause:
    if isinstance(error, OperationTimedOut | Timeout | TimeoutError):
        return "timeout"
    refused = isinstance(error, RequestExecutionException) and not isinstance(error, CoordinationFailure)
    return "unreachable" if refused or isinstance(error, _UNREACHABLE) else "other"


class RetryIdempotent(RetryPolicy):  # type: ignore[misc]
    """Retries once, and only what may be sent twice; the time limit of the request covers both attempts."""

    def on_read_timeout(self, query: Any, consistency: Any, *details: Any, **named: Any) -> Any:
        """Every hook ends in `retry_num`, which the driver passes by name or last."""
        retries = named.get("retry_num", details[-1] if details else 0)
        if retries == 0 and getattr(query, "is_idempotent", False):
            return self.RETRY_NEXT_HOST, consistency
        return self.RETHROW, None

    on_write_timeout = on_unavailable = on_request_error = on_read_timeout
