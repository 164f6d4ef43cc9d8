"""Routes of accounts: sign up, log in and out; and of the keys of access tokens."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from domain.errors import Invalid, Unauthorized
from domain.ids import UserId
from serve.accounts import schemas
from serve.accounts.commands import AccountCommands
from serve.accounts.tokens import AccessTokens, Tokens
from serve.http.access import LOGGING_IN, OTHERWISE, REGISTERING, AccessControl
from serve.http.openapi import by_name, failures
from serve.http.parameters import json_response
from serve.http.use_cases import use
from serve.users.queries import UserQueries

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], generate_unique_id_function=by_name)
keys = APIRouter(tags=["service"], generate_unique_id_function=by_name)

Commands = Annotated[AccountCommands, use(AccountCommands)]
Queries = Annotated[UserQueries, use(UserQueries)]
Access = Annotated[AccessControl, use(AccessControl)]


@router.post(
    "/register",
    status_code=201,
    response_model=schemas.SignedIn,
    responses=failures(400, 409, 422),
    dependencies=[REGISTERING],
)
async def register(body: schemas.NewUser, commands: Commands, queries: Queries) -> Response:
    """Sign up."""
    user, tokens = await commands.register(body.username, body.email, body.password, body.name)
    return await _signed_in(queries, user, tokens, 201)


@router.post(
    "/login", response_model=schemas.SignedIn, responses=failures(400, 401, 404, 422), dependencies=[LOGGING_IN]
)
async def login(
    body: schemas.LogIn, request: Request, commands: Commands, queries: Queries, access: Access
) -> Response:
    """Begin a session."""
    given = [login for login in (body.login, body.username, body.email) if login]
    if len(given) != 1:
        why = "give one of login, username and email"
        raise Invalid("Who logs in is not clear.", "invalid_request", (("login", why),))
    network = access.guard.origin(request.scope).network
    user, tokens = await commands.login(given[0], body.password, network)
    return await _signed_in(queries, user, tokens, 200)


@router.post("/refresh", response_model=Tokens, responses=failures(400, 401, 422), dependencies=[OTHERWISE])
async def refresh(body: schemas.Refresh, commands: Commands) -> Response:
    """Exchange a refresh token for new tokens. It is good for one use; a second one ends the session."""
    tokens = await commands.refresh(body.refresh_token)
    return json_response(orjson.dumps(tokens))


@router.post(
    "/logout",
    status_code=204,
    responses=failures(400, 401, 422),
    dependencies=[OTHERWISE],
    openapi_extra={"security": [{"bearer": []}, {}]},
)
async def logout(request: Request, commands: Commands, access: Access, body: schemas.LogOut | None = None) -> Response:
    """End the session of the access token, or of the refresh token in the body, or both.

    An access token that has expired will do. Beside a refresh token one that is not ours is passed over: what it was to
    end cannot be told, and who leaves must not be kept (RFC 7009, 2.2).
    """
    refresh_token = body.refresh_token if body else None
    try:
        session = access.session_to_end(request)
    except Unauthorized:
        if refresh_token is None:
            raise
        session = None
    if session is None and refresh_token is None:
        raise Unauthorized("This needs an access token or a refresh token.", "token_required")
    await commands.logout(session, refresh_token)
    return Response(status_code=204)


async def _signed_in(queries: UserQueries, user: UserId, tokens: Tokens, status: int) -> Response:
    profile = await queries.user(user, user)
    return json_response(b'{"user":%b,%b' % (profile, orjson.dumps(tokens)[1:]), status)


@keys.get("/.well-known/jwks.json", response_model=schemas.Jwks, responses=failures(), dependencies=[OTHERWISE])
async def jwks(tokens: Annotated[AccessTokens, use(AccessTokens)]) -> Response:
    """The public keys of access tokens."""
    body = orjson.dumps(tokens.jwks())
    headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin"}
    return Response(body, headers=headers, media_type="application/json")
