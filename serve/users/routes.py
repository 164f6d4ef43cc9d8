"""Routes of profiles and of who follows whom."""

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import NotFound
from domain.users import is_username
from serve import schemas
from serve.access import Following, Member, Viewer
from serve.description import TOKEN_OPTIONAL, by_name, failures
from serve.parameters import Paged, UserInPath, json_response
from serve.services import Provided

router = APIRouter(prefix="/api/v1/users", tags=["users"], generate_unique_id_function=by_name)


@router.get("/me", response_model=schemas.User, responses=failures(401, 404))
async def read_me(user: Member, services: Provided) -> Response:
    """The profile of the token's user."""
    return json_response(await services.users.user(user, user))


@router.get(
    "/by/username/{name}",
    response_model=schemas.User,
    responses=failures(401, 404),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_user_by_name(name: str, viewer: Viewer, services: Provided) -> Response:
    """A profile by username, without case."""
    if not is_username(name):
        raise NotFound("No user can have such a name.", "not_found")
    return json_response(await services.users.user_by_name(viewer, name))


@router.get("/{id}", response_model=schemas.User, responses=failures(401, 404), openapi_extra=TOKEN_OPTIONAL)
async def read_user(user: UserInPath, viewer: Viewer, services: Provided) -> Response:
    """A profile."""
    return json_response(await services.users.user(viewer, user))


@router.post("/{id}/follow", response_model=schemas.User, responses=failures(400, 401, 403, 404, 422))
async def follow(
    target: UserInPath, user: Following, services: Provided, body: schemas.NoFields | None = None
) -> Response:
    """Follow somebody; doing so again changes nothing."""
    await services.commands.follow(user, target)
    return json_response(await services.users.user(user, target))


@router.delete("/{id}/follow", response_model=schemas.User, responses=failures(401, 404, 422))
async def unfollow(target: UserInPath, user: Member, services: Provided) -> Response:
    """Follow somebody no longer."""
    await services.commands.unfollow(user, target)
    return json_response(await services.users.user(user, target))


@router.get(
    "/{id}/followers",
    response_model=schemas.UserPage,
    responses=failures(400, 401, 404, 422),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_followers(user: UserInPath, page: Paged, viewer: Viewer, services: Provided) -> Response:
    """Who follows a user, latest first."""
    return json_response(await services.users.followers(viewer, user, *page))


@router.get(
    "/{id}/following",
    response_model=schemas.UserPage,
    responses=failures(400, 401, 404, 422),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_following(user: UserInPath, page: Paged, viewer: Viewer, services: Provided) -> Response:
    """Whom a user follows, latest first."""
    return json_response(await services.users.following(viewer, user, *page))
