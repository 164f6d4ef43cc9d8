"""Routes of profiles."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import NotFound
from domain.users import is_username
from serve.http.access import Member, Viewer
from serve.http.openapi import TOKEN_OPTIONAL, by_name, failures
from serve.http.parameters import UserInPath, json_response
from serve.http.use_cases import use
from serve.users import schemas
from serve.users.queries import UserQueries

Queries = Annotated[UserQueries, use(UserQueries)]

router = APIRouter(prefix="/api/v1/users", tags=["users"], generate_unique_id_function=by_name)


@router.get("/me", response_model=schemas.User, responses=failures(401, 404))
async def read_me(user: Member, queries: Queries) -> Response:
    """The profile of the token's user."""
    return json_response(await queries.user(user, user))


@router.get(
    "/by/username/{name}",
    response_model=schemas.User,
    responses=failures(401, 404),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_user_by_name(name: str, viewer: Viewer, queries: Queries) -> Response:
    """A profile by username, without case."""
    if not is_username(name):
        raise NotFound("No user can have such a name.", "not_found")
    return json_response(await queries.user_by_name(viewer, name))


@router.get("/{id}", response_model=schemas.User, responses=failures(401, 404), openapi_extra=TOKEN_OPTIONAL)
async def read_user(user: UserInPath, viewer: Viewer, queries: Queries) -> Response:
    """A profile."""
    return json_response(await queries.user(viewer, user))
