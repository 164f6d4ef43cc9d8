"""From an error to an answer: the one table, and the envelope in which every failure arrives."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
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
from serve.http.cors import preflight_headers
from telemetry import logs

RETRY_AFTER_S = 2
"""When to come back to a store that is down: about when its breaker lets a call through again."""

writing: ContextVar[bool] = ContextVar("writing", default=False)
"""Whether this request has begun to write: from then on no answer may say that nothing was done."""

SESSION_OVER: Final = "murmur.session_over"
"""In the scope of a request whose token was good once."""
_OVER: Final = frozenset({"expired_token", "session_ended"})


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


_BUSY = "The service is busy; nothing was done, try again soon."

BY_ERROR: dict[type[EngineError], Row] = {
    Refused: Row(400),
    Unauthorized: Row(401),
    Forbidden: Row(403),
    NotFound: Row(404),
    Conflict: Row(409),
    Invalid: Row(422),
    RateLimited: Row(429),
    TrendsNotReady: Row(503),
    Overloaded: Row(503, "overloaded", _BUSY),
    LeaseExpired: Row(503, "overloaded", _BUSY),
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
"""What the framework refuses by itself, and what nobody foresaw."""
_UNKNOWN_FIELD = "is not a field of this request"
_REASONS = {
    "extra_forbidden": _UNKNOWN_FIELD,
    "model_attributes_type": "must be a JSON object, sent as application/json",
    "string_too_long": "is too long",
    "string_unicode": "must not hold half a surrogate pair",
}
"""What is wrong, where the validator's own words are no sentence for a person."""
_FIELDS_MAX = 20
"""Fields that one answer names."""
_NAME_CHARS_MAX = 64
"""Of a field's name, which a client may have made up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A failure as it is sent."""

    row: Row
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] | None = None

    def response(self) -> Response:
        body: dict[str, Any] = {"error": self.row.sentence, "code": self.row.code, "request_id": logs.request_id.get()}
        if self.fields is not None:
            body["fields"] = self.fields
        return Response(orjson.dumps(body), self.row.status, self.headers, "application/json")


def answer_to(error: EngineError) -> Answer | None:
    """The answer to an error; None for one that no request should ever meet."""
    row = next((BY_ERROR[kind] for kind in type(error).__mro__ if kind in BY_ERROR), None)
    if row is None:
        return None
    if row.sentence == _BUSY and writing.get():
        row = BY_ERROR[StoreUnavailable]
    if isinstance(error, Refused):
        row = Row(row.status, row.code or error.code, row.sentence or error.sentence)
    fields = dict(error.fields) if isinstance(error, Invalid) else None
    return Answer(row=row, headers=_headers_of(error, row), fields=fields)


def _headers_of(error: EngineError, row: Row) -> dict[str, str]:
    if row.status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimited):
        return {"Retry-After": str(error.retry_after_s)}
    if isinstance(error, Overloaded):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_ms / 1000)))}
    return {"Retry-After": str(RETRY_AFTER_S)} if row.status == 503 else {}


def unexpected() -> Response:
    """The answer to a mistake of ours."""
    return Answer(row=BY_STATUS[500]).response()


def body_too_large() -> Response:
    return Answer(row=BY_STATUS[413]).response()


async def on_engine_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    if isinstance(error, Unauthorized) and error.code in _OVER:
        request.scope[SESSION_OVER] = True
    answer = answer_to(error)
    if answer is None:
        raise error
    if answer.row.status == 503:
        logs.logger().warning("request refused", cause=type(error).__name__, detail=str(error))
    return answer.response()


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown addresses and methods, bodies it cannot read.

    OPTIONS is among them, as no route takes it: here it is known which methods an address takes.
    """
    assert isinstance(error, HTTPException)
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    row = BY_STATUS.get(status) or Row(status, phrase.lower().replace(" ", "_"), f"{phrase}.")
    if status != 405:
        return Answer(row=row).response()
    methods = ", ".join(_methods_at(request))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=preflight_headers(methods))
    return Answer(row=row, headers={"Allow": methods}).response()


def _methods_at(request: Request) -> list[str]:
    """Every method that is taken at this path; the framework would name those of one route."""
    here = [route for route in request.app.routes if route.path_regex.match(request.url.path)]
    taken = {method for route in here for method in getattr(route, "methods", None) or ("GET",)}  # files are mounted
    return sorted(taken | {"OPTIONS"} | ({"HEAD"} if "GET" in taken else set()))


async def on_invalid_request(_request: Request, error: Exception) -> Response:
    """Answer a request that does not have the declared shape."""
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return Answer(row=BY_STATUS[400]).response()
    fields = _fields_of(found)
    row = BY_STATUS[422]
    if unknown := [name for name, reason in fields.items() if reason == _UNKNOWN_FIELD]:
        row = Row(422, row.code, f"The request has fields that it does not take: {', '.join(unknown)}.")
    return Answer(row=row, fields=fields).response()


def _fields_of(found: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Field to reason, of several reasons the first; no more fields than a person would read."""
    fields: dict[str, str] = {}
    for one in found:
        if len(fields) == _FIELDS_MAX:
            break
        place: Sequence[str | int] = one["loc"]
        name = ".".join(str(part)[:_NAME_CHARS_MAX] for part in place[1:]) or str(place[0])
        fields.setdefault(name, _REASONS.get(one["type"]) or str(one["msg"]).removeprefix("Value error, "))
    return fields
