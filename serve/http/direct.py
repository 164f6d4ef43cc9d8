"""Direct routes: a plain request reaches its endpoint without what FastAPI does for any request at all.

That is a third of what a page costs. What an endpoint asks for is told by its signature alone, and given by the same
dependencies, in the same order. Whatever is not plain goes on to FastAPI, so that refusals of malformed requests and
the description exist once (decision 0045).
"""

import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, NamedTuple, get_args, get_origin

from fastapi.params import Depends, Header
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import EngineError
from serve.http.error_handlers import on_engine_error, on_http_error

_ID: Final = re.compile(r"/([1-9][0-9]{0,18})(?=/|\Z)")
_QUERY: Final = re.compile(rb"|limit=([1-9][0-9]{0,3})|(?:limit=([1-9][0-9]{0,3})&)?cursor=([A-Za-z0-9_-]{1,64})")
_JSON: Final = [b"application/json"]


class _Plain(NamedTuple):
    """Contents of a plain request's path and query."""

    id: str
    limit: int | None
    cursor: str | None


_Ask = Callable[[Request, _Plain], Awaitable[Any]]
_GIVEN: Final[dict[tuple[str, ...], Callable[[Callable[..., Awaitable[Any]]], _Ask]]] = {
    ("request",): lambda depended: lambda request, _: depended(request),
    ("id",): lambda depended: lambda _, plain: depended(plain.id),
    ("filter", "exclude"): lambda depended: lambda _, __: depended(),
    ("request", "limit", "cursor"): lambda depended: (
        lambda request, plain: depended(request, plain.limit, plain.cursor)
    ),
}
"""By its parameters, how a dependency of ours is asked."""


@dataclass(slots=True)
class _Direct:
    """A route whose endpoint asks for nothing that a plain request does not have."""

    route: APIRoute
    asks: list[tuple[str, _Ask]]
    has_page: bool = False
    body: tuple[str, type[BaseModel], bool] | None = None
    """Name and schema of its body, and whether there may be none."""
    absent: tuple[bytes, ...] = ()
    """Headers that it would look at."""


class DirectRoutes:
    """Answers plain requests to direct routes, and hands all others on."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        found = [direct for route in routes if (direct := _direct(route)) is not None]
        self.routes = {(method, each.route.path): each for each in found for method in each.route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope.get("root_path"):
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        number = _ID.search(path)
        pattern = path if number is None else f"{path[: number.start()]}/{{id}}{path[number.end() :]}"
        direct = self.routes.get((scope["method"], pattern))
        plain = None if direct is None else _plain(direct, scope, "" if number is None else number[1])
        if direct is None or plain is None:
            await self._app(scope, receive, send)
            return
        request, arguments = Request(scope, receive), dict[str, Any]()
        if direct.body is not None:
            try:
                taken, receive = await _taken(receive)
            except HTTPException as error:  # it is too large
                response = await on_http_error(request, error)
                await response(scope, receive, send)
                return
            name, schema, may_lack = direct.body
            if taken != b"" or not may_lack:
                arguments[name] = _body(schema, scope, taken)
                if arguments[name] is None:
                    await self._app(scope, receive, send)
                    return
        scope["route"] = direct.route
        try:
            for name, ask in direct.asks:
                arguments[name] = await ask(request, plain)
            response = await direct.route.endpoint(**arguments)
        except EngineError as error:
            response = await on_engine_error(request, error)
        await response(scope, receive, send)


def _plain(direct: _Direct, scope: Scope, number: str) -> _Plain | None:
    query: bytes = scope["query_string"]
    if query and not direct.has_page:
        return None
    if direct.absent and any(name in direct.absent for name, _ in scope["headers"]):
        return None
    asked = _QUERY.fullmatch(query)
    if asked is None:
        return None
    limit, cursor = asked[1] or asked[2], asked[3]
    return _Plain(number, None if limit is None else int(limit), None if cursor is None else cursor.decode())


def _body(schema: type[BaseModel], scope: Scope, taken: bytes | None) -> BaseModel | None:
    """The body of a request, None for what FastAPI is to look at."""
    if taken is None or [value for name, value in scope["headers"] if name == b"content-type"] != _JSON:
        return None
    try:
        read = json.loads(taken)  # not orjson: FastAPI takes a little more, and what one takes the other must
        return schema.model_validate(read) if isinstance(read, dict) else None
    except (ValueError, RecursionError):
        return None


async def _taken(receive: Receive) -> tuple[bytes | None, Receive]:
    """The whole body of a request, None if it does not come, and how to receive it again."""
    messages: list[Message] = []
    while not messages or messages[-1].get("more_body", False):
        messages.append(await receive())
    left = iter(messages)

    async def again() -> Message:
        message = next(left, None)
        return await receive() if message is None else message

    is_whole = messages[-1]["type"] == "http.request"
    return b"".join([message.get("body", b"") for message in messages]) if is_whole else None, again


def _direct(route: BaseRoute) -> _Direct | None:
    """A route as a direct one; None for one that asks for anything else."""
    if not isinstance(route, APIRoute) or route.dependencies or "{" in route.path.replace("{id}", ""):
        return None
    direct, signature = _Direct(route, []), inspect.signature(route.endpoint)
    if signature.return_annotation is not Response:
        return None
    for name, parameter in signature.parameters.items():
        if not _asks(direct, name, parameter):
            return None
    return direct


def _asks(direct: _Direct, name: str, parameter: inspect.Parameter) -> bool:
    """Add what a parameter asks for; False if it is nothing that is known here."""
    annotation, found = parameter.annotation, list[Any]()
    if get_origin(annotation) is Annotated:
        annotation, *found = get_args(annotation)
    match found:
        case [Depends(dependency=depended)] if depended is not None:
            asked = tuple(inspect.signature(depended).parameters)
            direct.has_page |= "cursor" in asked
            if asked in _GIVEN:
                direct.asks.append((name, _GIVEN[asked](depended)))
            return asked in _GIVEN
        case [Header(alias=None)]:
            direct.absent += (name.replace("_", "-").encode(),)
            return parameter.default is None
        case []:
            schema = _schema(annotation)
            direct.body = None if schema is None else (name, schema, parameter.default is None)
            return schema is not None
    return False


def _schema(annotation: Any) -> type[BaseModel] | None:
    kinds: Sequence[Any] = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    is_one = len(kinds) == 1 and isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel)
    return kinds[0] if is_one else None
