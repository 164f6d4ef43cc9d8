"""Answers to what a route or the framework raises, in the envelope of every failure."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import EngineError, Unauthorized
from serve.http.cors import preflight_headers
from serve.http.errors import BY_STATUS, Row, answer_to
from serve.http.scope import SESSION_OVER
from telemetry import logs

_OVER: Final = frozenset({"expired_token", "session_ended"})
"""Codes of tokens that were good once."""
_UNKNOWN_FIELD = "is not a field of this request"
_REASONS = {
    "extra_forbidden": _UNKNOWN_FIELD,
    "model_attributes_type": "must be a JSON object, sent as application/json",
    "string_too_long": "is too long",
    "string_unicode": "must not hold half a surrogate pair",
}
"""Reasons for a person, by kind of fault, where the validator's own words are no sentence for one."""
_FIELDS_MAX = 20
"""Fields that one answer names."""
_NAME_CHARS_MAX = 64
"""Of a field's name, which a client may have made up."""


def add_error_handlers(api: FastAPI) -> None:
    """Have an application answer every failure in our envelope."""
    api.add_exception_handler(EngineError, on_engine_error)
    api.add_exception_handler(HTTPException, on_http_error)
    api.add_exception_handler(RequestValidationError, on_invalid_request)


async def on_engine_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, EngineError)
    if isinstance(error, Unauthorized) and error.code in _OVER:
        request.scope[SESSION_OVER] = True
    answer = answer_to(error)
    if answer is None:
        raise error
    if answer.status_code == 503:
        logs.logger().warning("request refused", cause=type(error).__name__, detail=str(error))
    return answer


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: unknown addresses and methods, bodies it cannot read.

    OPTIONS is among them, as no route takes it: here it is known which methods an address takes.
    """
    assert isinstance(error, HTTPException)
    status = error.status_code
    phrase = HTTPStatus(status).phrase
    row = BY_STATUS.get(status) or Row(status, phrase.lower().replace(" ", "_"), f"{phrase}.")
    if status != 405:
        return row.response()
    methods = ", ".join(_methods_at(request))
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=preflight_headers(methods))
    return row.response({"Allow": methods})


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
        return BY_STATUS[400].response()
    fields = _fields_of(found)
    row = BY_STATUS[422]
    if unknown := [name for name, reason in fields.items() if reason == _UNKNOWN_FIELD]:
        row = Row(422, row.code, f"The request has fields that it does not take: {', '.join(unknown)}.")
    return row.response(fields=fields)


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
