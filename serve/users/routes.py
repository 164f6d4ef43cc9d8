"""Routes of profiles and settings."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import NotFound
from domain.settings import ungrouped
from domain.users import is_username
from serve.http.access import Member, Viewer
from serve.http.openapi import TOKEN_OPTIONAL, by_name, failures
from serve.http.parameters import UserInPath, json_response
from serve.http.use_cases import use
from serve.users import schemas
from serve.users.commands import UserCommands
from serve.users.queries import UserQueries

Commands = Annotated[UserCommands, use(UserCommands)]
Queries = Annotated[UserQueries, use(UserQueries)]
Profile = schemas.User | schemas.SuspendedUser

router = APIRouter(prefix="/api/v1/users", tags=["users"], generate_unique_id_function=by_name)


@router.get("/me", response_model=schemas.User, responses=failures(401, 404))
async def read_me(user: Member, queries: Queries) -> Response:
    """The profile of the token's user."""
    return json_response(await queries.user(user, user))


@router.put("/me", response_model=schemas.User, responses=failures(400, 401, 404, 422))
async def edit_me(body: schemas.ProfileChanges, user: Member, commands: Commands, queries: Queries) -> Response:
    """Change some of one's profile: whoever reads it next sees that, everywhere."""
    await commands.edit(user, body.model_dump(exclude_none=True))
    return json_response(await queries.user(user, user))


@router.get("/me/settings", response_model=schemas.Settings, responses=failures(401, 404))
async def read_settings(user: Member, queries: Queries) -> Response:
    """One's settings."""
    return json_response(await queries.settings(user))


@router.put("/me/settings", response_model=schemas.Settings, responses=failures(400, 401, 404, 422))
async def change_settings(
    body: schemas.SettingsChanges, user: Member, commands: Commands, queries: Queries
) -> Response:
    """Change some of one's settings."""
    given = ungrouped(body.model_dump(exclude={"private"}, exclude_none=True))
    await commands.change_settings(user, body.private, given)
    return json_response(await queries.settings(user))


@router.get("/by/username/{name}", response_model=Profile, responses=failures(401, 404), openapi_extra=TOKEN_OPTIONAL)
async def read_user_by_name(name: str, viewer: Viewer, queries: Queries) -> Response:
    """A profile by username, without case."""
    if not is_username(name):
        raise NotFound("No user can have such a name.", "not_found")
    return json_response(await queries.user_by_name(viewer, name))


@router.get("/{id}", response_model=Profile, responses=failures(401, 404), openapi_extra=TOKEN_OPTIONAL)
async def read_user(user: UserInPath, viewer: Viewer, queries: Queries) -> Response:
    """A profile; of a suspended user only that they are."""
    return json_response(await queries.profile(viewer, user))
