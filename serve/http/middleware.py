"""Middleware around every request: gives it an id, a size limit, a place in the metrics, and its answer headers.

HEAD is GET without the body, wherever there is GET. What the client has already, by its entity tag, is not sent again.
"""

import asyncio
import re
import secrets
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.http import errors
from serve.http.cors import Cors
from serve.http.scope import ADDED_HEADERS, Headers
from telemetry import logs, metrics

Counting = Callable[[Scope, Receive, Send], Send]
"""Looks at what is sent, and may send something else."""

TOKENS_PATH = "/api/v1/auth/"
"""Answers below it may hold tokens, and what is refused there belongs to no cache either."""
_TAGS = re.compile(rb'"[^"]*"')
_OF_A_BODY = (b"content-length", b"content-type")
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
_SHOWS_NOTHING = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_OF_A_READER = (
    _NO_SNIFFING,
    _SHOWS_NOTHING,
    (b"cache-control", b"private, no-cache"),
    (b"vary", b"Authorization, Origin"),
)
_OF_TOKENS = (_NO_SNIFFING, _SHOWS_NOTHING, (b"cache-control", b"no-store"), (b"vary", b"Origin"))


class RequestMiddleware:
    """The outermost layer; plain ASGI, since it runs on every request."""

    def __init__(self, app: ASGIApp, request_bytes_max: int, counting: Counting, cors: Cors) -> None:
        self._app = app
        self._bytes_max = request_bytes_max
        self._counting = counting
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        request_id, length, origin, had = _of_interest(scope["headers"])
        added = scope[ADDED_HEADERS] = [(b"x-request-id", request_id), *self._cors.headers(origin)]
        usual = _OF_TOKENS if scope["path"].startswith(TOKENS_PATH) else _OF_A_READER
        token = logs.request_id.set(request_id.decode())
        reading = errors.writing.set(False)
        begun_s = asyncio.get_running_loop().time()
        status = 0

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *added, *(one for one in usual if one[0] not in own)]
            await send(message)

        counted = self._counting(scope, receive, answered)
        if had and scope["method"] == "GET":
            counted = _unless_had(had, counted)
        try:
            if length > self._bytes_max:
                await errors.BY_STATUS[413].response()(scope, receive, counted)
            else:
                await self._app(scope, _bounded(receive, self._bytes_max), counted)
        except Exception:  # the one place where a mistake of ours becomes an answer
            logs.logger().exception("request failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            await errors.BY_STATUS[500].response()(scope, receive, answered)
        finally:
            logs.request_id.reset(token)
            errors.writing.reset(reading)
            if status:
                route = route_label(scope)
                metrics.REQUESTS.record(route=route, status=str(status))
                metrics.REQUEST_SECONDS.record(asyncio.get_running_loop().time() - begun_s, route=route)


def route_label(scope: Scope) -> str:
    """The method and pattern of the route that was found; nothing in it comes from the client."""
    route = scope.get("route")
    if route is None:
        return "unmatched"
    method = scope["method"]
    return f"{method if method in route.methods else 'other'} {route.path}"


def _of_interest(headers: Headers) -> tuple[bytes, int, bytes, bytes]:
    """The request's id, made up if none is sane, the length its body claims to have, its origin, and what it has."""
    request_id, length, origin, had = b"", 0, b"", b""
    for name, value in headers:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            request_id = value
        elif name == b"content-length" and value.isdigit():
            length = int(value[:19])
        elif name == b"origin":
            origin = value
        elif name == b"if-none-match":
            had = b"%b,%b" % (had, value)  # several headers of one name are one list (RFC 9110, 5.3)
    return request_id or secrets.token_hex(12).encode(), length, origin, had


def _without_body(send: Send) -> Send:
    async def head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body"})

    return head


def _unless_had(had: bytes, send: Send) -> Send:
    """Send 304 in place of what the client has: tags are compared as RFC 9110 (13.1.2) asks, `*` is any answer."""
    is_any, tags, is_had = had.strip(b", \t") == b"*", set(_TAGS.findall(had)), False

    async def conditional(message: Message) -> None:
        nonlocal is_had
        if message["type"] == "http.response.start":
            headers = dict(message["headers"])
            tag = headers.get(b"etag")
            is_had = message["status"] == 200 and tag is not None and (is_any or tag in tags)
            if is_had:
                left = [each for each in message["headers"] if each[0] not in _OF_A_BODY]
                message = {**message, "status": 304, "headers": left}
        if is_had and message["type"] == "http.response.body":
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body"}
        await send(message)

    return conditional


def _bounded(receive: Receive, bytes_max: int) -> Receive:
    """A body is counted as it arrives, since it need not say how long it is."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > bytes_max:
                raise HTTPException(413)
        return message

    return counted
