"""Errors and their answers: the one table, and the envelope in which every failure arrives."""

import math
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from domain.errors import (
    Conflict,
    EngineError,
    Forbidden,
    Invalid,
    LeaseExpired,
    NotFound,
    Overloaded,
    Refused,
    StoreUnavailable,
    Unauthorized,
)
from telemetry import logs

RETRY_AFTER_S = 2
"""Seconds to wait for a store that is down: about until its breaker lets a call through again."""

writing: ContextVar[bool] = ContextVar("writing", default=False)
"""True if this request has begun to write: from then on no answer may say that nothing was done."""


class RateLimited(Refused):
    """Too many requests; nothing was done."""

    def __init__(self, limit: str, retry_after_s: int) -> None:
        EngineError.__init__(self, limit, retry_after_s)
        self.limit, self.retry_after_s = limit, retry_after_s
        self.sentence, self.code = f"That is too often; try again in {retry_after_s} s.", "rate_limited"


class TrendsNotReady(Refused):
    """Nothing is known of a window: what counts has just begun, or begins again after a loss of Redis."""

    def __init__(self, window: str) -> None:
        EngineError.__init__(self, window)
        self.window = window
        self.sentence, self.code = "Trends are being counted; try again soon.", "trends_not_ready"


@dataclass(frozen=True, slots=True)
class Row:
    """The answer to one kind of error; an empty code or sentence is the error's own."""

    status: int
    code: str = ""
    sentence: str = ""

    def response(self, headers: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None) -> Response:
        """The envelope of a failure; `fields` only of an invalid request."""
        body: dict[str, Any] = {"error": self.sentence, "code": self.code, "request_id": logs.request_id.get()}
        if fields is not None:
            body["fields"] = fields
        return Response(orjson.dumps(body), self.status, headers, "application/json")


BUSY = "The service is busy; nothing was done, try again soon."

BY_ERROR: dict[type[EngineError], Row] = {
    Refused: Row(400),
    Unauthorized: Row(401),
    Forbidden: Row(403),
    NotFound: Row(404),
    Conflict: Row(409),
    Invalid: Row(422),
    RateLimited: Row(429),
    TrendsNotReady: Row(503),
    Overloaded: Row(503, "overloaded", BUSY),
    LeaseExpired: Row(503, "overloaded", BUSY),
    StoreUnavailable: Row(503, "store_unavailable", "A store does not answer; try again. A write may have happened."),
}
BY_STATUS: dict[int, Row] = {
    400: Row(400, "malformed_json", "The body is not JSON in UTF-8."),
    404: Row(404, "not_found", "There is nothing at this address."),
    405: Row(405, "method_not_allowed", "This address does not take this method."),
    413: Row(413, "body_too_large", "The body is too large."),
    422: Row(422, "invalid_request", "The request is not valid."),
    500: Row(500, "internal_error", "Something went wrong on our side."),
}
"""Answers to what the framework refuses by itself, and to what nobody foresaw."""


def answer_to(error: EngineError) -> Response | None:
    """The answer to an error; None for one that no request should ever meet."""
    row = next((BY_ERROR[kind] for kind in type(error).__mro__ if kind in BY_ERROR), None)
    if row is None:
        return None
    if row.sentence == BUSY and writing.get():
        row = BY_ERROR[StoreUnavailable]
    if isinstance(error, Refused):
        row = Row(row.status, row.code or error.code, row.sentence or error.sentence)
    fields = dict(error.fields) if isinstance(error, Invalid) else None
    return row.response(_headers_of(error, row), fields)


def _headers_of(error: EngineError, row: Row) -> dict[str, str]:
    if row.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, Overloaded):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_ms / 1000)))}
    return {"Retry-After": str(RETRY_AFTER_S)} if row.status == 503 else {}
