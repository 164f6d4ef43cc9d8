"""Routes that any relation can have, a call each: to turn it on and off, and to list either side of it.

What a relation's target is, a tweet or a user, decides on the parameter in the path and on what is answered.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Any, Final, NamedTuple, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from domain.ids import UserId
from domain.relations import Relation, Target
from serve.http.access import Member, Viewer, member
from serve.http.openapi import TOKEN_OPTIONAL, Responses, failures
from serve.http.parameters import TWEET_IN_PATH, USER_IN_PATH, Paged, UserInPath, json_response
from serve.http.rate_limits import Limit
from serve.http.schemas import NoFields
from serve.http.use_cases import use
from serve.relations.commands import RelationCommands
from serve.relations.queries import RelationQueries
from serve.tweets.queries import TweetQueries
from serve.tweets.schemas import Tweet, TweetPage
from serve.users.queries import UserQueries
from serve.users.schemas import User, UserPage

Commands = Annotated[RelationCommands, use(RelationCommands)]
Pages = Annotated[RelationQueries, use(RelationQueries)]
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Awaitable[Response]])


class Operation(NamedTuple):
    """Name and description of a route."""

    name: str
    description: str


class _Kind(NamedTuple):
    """Consequences of a target's kind for routes."""

    tag: str
    in_path: Any
    schema: type[BaseModel]
    page: type[BaseModel]
    queries: type
    read: Callable[[Any, UserId, Any], Awaitable[bytes]]
    """Of `queries`: the target as it is answered to a user."""
    on: Responses
    off: Responses


_KINDS: Final = {
    Target.TWEET: _Kind(
        tag="tweets",
        in_path=TWEET_IN_PATH,
        schema=Tweet,
        page=TweetPage,
        queries=TweetQueries,
        read=TweetQueries.tweet,
        on=failures(400, 401, 403, 404, 422),
        off=failures(401, 404),
    ),
    Target.USER: _Kind(
        tag="users",
        in_path=USER_IN_PATH,
        schema=User,
        page=UserPage,
        queries=UserQueries,
        read=UserQueries.user,
        on=failures(400, 401, 403, 404, 422),
        off=failures(401, 404, 422),
    ),
}
_PAGE: Final = failures(400, 401, 404, 422)
_PAGE_OF_USER: Final = failures(400, 401, 403, 404, 422)
_SPREADING: Final = failures(400, 401, 403, 404, 422)


def add_relation(router: APIRouter, path: str, relation: Relation, limit: Limit, on: Operation, off: Operation) -> None:
    """Have POST turn a relation on, counted by a limit, and DELETE turn it off; both answer its target."""
    kind = _KINDS[relation.target]
    add = partial(router.api_route, path, tags=[kind.tag], response_model=kind.schema)

    @add(methods=["POST"], responses=_SPREADING if relation.is_entry else kind.on, **on._asdict())
    async def turn_on(
        target: Annotated[int, kind.in_path],
        user: Annotated[UserId, member(limit)],
        commands: Commands,
        queries: Annotated[Any, use(kind.queries)],
        body: NoFields | None = None,
    ) -> Response:
        return json_response(await kind.read(queries, user, await commands.turn_on(relation, user, target)))

    @add(methods=["DELETE"], responses=kind.off, **off._asdict())
    async def turn_off(
        target: Annotated[int, kind.in_path],
        user: Member,
        commands: Commands,
        queries: Annotated[Any, use(kind.queries)],
    ) -> Response:
        return json_response(await kind.read(queries, user, await commands.turn_off(relation, user, target)))


def add_sources(router: APIRouter, path: str, relation: Relation, operation: Operation) -> None:
    """Have GET list the users who have a relation to the target in the path."""
    kind = _KINDS[relation.target]

    responses = _PAGE_OF_USER if relation.target is Target.USER else _PAGE

    @_adds_page(router, path, operation, kind.tag, UserPage, responses, openapi_extra=TOKEN_OPTIONAL)
    async def read_sources(target: Annotated[int, kind.in_path], page: Paged, viewer: Viewer, pages: Pages) -> Response:
        return json_response(await pages.sources(viewer, relation, target, *page))


def add_targets(router: APIRouter, path: str, relation: Relation, operation: Operation) -> None:
    """Have GET list the targets to which the user in the path has a relation, for anybody."""
    page_of = _KINDS[relation.target].page

    @_adds_page(router, path, operation, "users", page_of, _PAGE_OF_USER, openapi_extra=TOKEN_OPTIONAL)
    async def read_targets(user: UserInPath, page: Paged, viewer: Viewer, pages: Pages) -> Response:
        return json_response(await pages.targets(viewer, relation, user, *page))


def add_own_targets(router: APIRouter, path: str, relation: Relation, operation: Operation) -> None:
    """Have GET list the targets to which the user who asks has a relation, for nobody else."""

    @_adds_page(router, path, operation, "users", _KINDS[relation.target].page)
    async def read_own_targets(user: Member, page: Paged, pages: Pages) -> Response:
        return json_response(await pages.targets(user, relation, user, *page))


def add_own_sources(router: APIRouter, path: str, relation: Relation, operation: Operation) -> None:
    """Have GET list the users who have a relation to the user who asks, for nobody else."""

    @_adds_page(router, path, operation, "users", UserPage)
    async def read_own_sources(user: Member, page: Paged, pages: Pages) -> Response:
        return json_response(await pages.sources(user, relation, user, *page))


def _adds_page(
    router: APIRouter,
    path: str,
    operation: Operation,
    tag: str,
    schema: type[BaseModel],
    responses: Responses = _PAGE,
    **more: Any,
) -> Callable[[_Endpoint], _Endpoint]:
    return router.get(path, tags=[tag], response_model=schema, responses=responses, **operation._asdict(), **more)
