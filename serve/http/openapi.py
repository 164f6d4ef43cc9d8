"""The API's description of itself, kept true: every status and header that can come back, in our own shapes."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from serve.http import schemas

TOKEN_OPTIONAL: Final[dict[str, Any]] = {"security": [{}]}
"""Merged into a route's description: the token it names may be left out."""

_TAG: Final = {"ETag": {"description": "Names this answer, byte by byte.", "schema": {"type": "string"}}}
TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": _TAG},
    304: {"description": "It is what `If-None-Match` names.", "headers": _TAG},
}
"""Answers of a route that sends `tagged_json_response`."""
CONDITIONAL: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of what the client has, or several; the answer is 304 if it still is that.",
            "schema": {"type": "string"},
        }
    ]
}
"""Merged into such a route's description."""

_MEANINGS: Final = {
    400: "Malformed: no JSON, no cursor of ours, or two Authorization headers.",
    401: "No token, or a bad one.",
    403: "Known who you are; you may not.",
    404: "It does not exist, or you may not know that it does.",
    408: "The request took too long to come.",
    409: "Contradicts what is already there.",
    413: "The body is too large.",
    414: "The address is too long.",
    422: "Well-formed but invalid; `fields` says which and why.",
    429: "Too often.",
    431: "The headers are too large or too many.",
    500: "A mistake of ours.",
    502: "No answer; a write may have happened.",
    503: "Overloaded, or a store is down.",
    504: "No answer in time; a write may have happened.",
}
_IN_ANY: Final = (413, 429, 500, 503)
_FROM_HAPROXY: Final = (408, 413, 414, 429, 431, 502, 503, 504)
"""Statuses that any request can be answered with before a replica has it, or instead of one."""


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}}


_EVERYWHERE: Final = {
    "Access-Control-Allow-Origin": _header("Which pages may read the answer; absent for others."),
    "Access-Control-Expose-Headers": _header("What they may read of its headers."),
    "Cache-Control": _header("`no-store` for tokens, `private, no-cache` for what belongs to a reader."),
    "Content-Security-Policy": _header("Nothing in an answer is to be run."),
    "Vary": _header("The request headers that an answer depends on."),
    "X-Content-Type-Options": _header("Always `nosniff`."),
    "X-Request-ID": _header("The request's id: yours if you sent a sane one."),
}
_RATE: Final = {
    "X-RateLimit-Limit": _header("How many requests the tightest limit allows.", "integer"),
    "X-RateLimit-Remaining": _header("How many are left.", "integer"),
    "X-RateLimit-Reset": _header("When all are back, Unix time in seconds.", "integer"),
}
_HEADERS: Final = {
    **_EVERYWHERE,
    **_RATE,
    "Retry-After": _header("Seconds to wait.", "integer"),
    "WWW-Authenticate": _header("Always `Bearer`."),
}
_OWN: Final = {401: ("WWW-Authenticate",), **dict.fromkeys((429, 500, 502, 503, 504), ("Retry-After",))}

Responses = dict[int | str, dict[str, Any]]


def by_name(route: APIRoute) -> str:
    """Name of an operation in generated clients: that of its route."""
    return route.name


def failures(*statuses: int) -> Responses:
    """Failures of a rate-limited route: `statuses`, and those that any can have."""
    with_token = (400,) if 401 in statuses else ()
    return {
        status: {
            "model": schemas.InvalidRequest if status == 422 else schemas.Failure,
            "description": _MEANINGS[status],
        }
        for status in sorted({*statuses, *with_token, *_IN_ANY})
    }


def describe(api: FastAPI) -> dict[str, Any]:
    """The OpenAPI document."""
    document = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
    for path in document["paths"].values():
        for operation in path.values():
            _correct(operation["responses"])
    components = document["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["headers"] = dict(sorted(_HEADERS.items()))
    components["responses"] = {_name(status): _from_haproxy(status) for status in _FROM_HAPROXY}
    return document


def _correct(responses: dict[str, Any]) -> None:
    """Drop the framework's own 422, which is never sent, and add what every operation has."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    limited = _RATE if "429" in responses else ()
    for status, response in responses.items():
        response["headers"] = response.get("headers", {}) | _refer(*_EVERYWHERE, *limited, *_OWN.get(int(status), ()))
    for from_haproxy in _FROM_HAPROXY:
        responses.setdefault(str(from_haproxy), {"$ref": f"#/components/responses/{_name(from_haproxy)}"})


def _from_haproxy(status: int) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{schemas.Failure.__name__}"}
    headers = _refer("Access-Control-Allow-Origin", "X-Content-Type-Options", "X-Request-ID", *_OWN.get(status, ()))
    return {
        "description": _MEANINGS[status],
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _name(status: int) -> str:
    return f"Edge{status}"


def _refer(*headers: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
