"""The API's description of itself, kept true: every status and header that can come back, in our own shapes."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from serve import schemas

TOKEN_OPTIONAL: Final[dict[str, Any]] = {"security": [{}]}
"""Merged into a route's description: the token it names may be left out."""

_MEANINGS: Final = {
    400: "Malformed: no JSON, no cursor of ours, or two Authorization headers.",
    401: "No token, or a bad one.",
    403: "Known who you are; you may not.",
    404: "It does not exist, or you may not know that it does.",
    409: "Contradicts what is already there.",
    413: "The body is too large.",
    422: "Well-formed but invalid; `fields` says which and why.",
    429: "Too often.",
    500: "A mistake of ours.",
    503: "Overloaded, or a store is down.",
}
_ALWAYS: Final = (413, 500)
_LIMITED: Final = (429, 503)


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


_REQUEST_ID: Final = {"X-Request-ID": _header("The request's id: yours if you sent a sane one.")}
_RATE: Final = {
    "X-RateLimit-Limit": _header("How many requests the tightest limit allows.", "integer"),
    "X-RateLimit-Remaining": _header("How many are left.", "integer"),
    "X-RateLimit-Reset": _header("When all are back, Unix time in seconds.", "integer"),
}
_RETRY_AFTER: Final = {"Retry-After": _header("Seconds to wait.", "integer")}
_CHALLENGE: Final = {"WWW-Authenticate": _header("Always `Bearer`.")}
_OWN_HEADERS: Final = {401: _CHALLENGE, 429: _RETRY_AFTER, 503: _RETRY_AFTER}

Responses = dict[int | str, dict[str, Any]]


def by_name(route: APIRoute) -> str:
    """What generated clients call an operation: as its function is called here."""
    return route.name


def failures(*statuses: int) -> Responses:
    """How a rate-limited route can fail: `statuses`, and those that any can."""
    with_token = (400,) if 401 in statuses else ()
    return _described(*{*statuses, *with_token}, *_LIMITED, *_ALWAYS)


def _described(*statuses: int) -> Responses:
    return {
        status: {
            "model": schemas.InvalidRequest if status == 422 else schemas.Failure,
            "description": _MEANINGS[status],
            "headers": _OWN_HEADERS.get(status, {}),
        }
        for status in sorted(statuses)
    }


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    for path in document["paths"].values():
        for operation in path.values():
            _correct(operation["responses"])
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document


def _correct(responses: dict[str, Any]) -> None:
    """Drop the framework's own 422, which is never sent, and add the headers of every answer."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    limited = "429" in responses
    for response in responses.values():
        response["headers"] = {**_REQUEST_ID, **(_RATE if limited else {}), **response.get("headers", {})}
