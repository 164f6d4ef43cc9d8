"""Routes of signing up, logging in and out."""

from dataclasses import asdict

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from domain.errors import Invalid, Unauthorized
from domain.ids import UserId
from serve import schemas
from serve.access import LOGGING_IN, OTHERWISE, REGISTERING, session_to_end
from serve.accounts import Tokens
from serve.description import by_name, failures
from serve.parameters import json_response
from serve.services import Provided, Services

router = APIRouter(prefix="/api/v1/auth", tags=["auth"], generate_unique_id_function=by_name)


@router.post(
    "/register",
    status_code=201,
    response_model=schemas.SignedIn,
    responses=failures(400, 409, 422),
    dependencies=[REGISTERING],
)
async def register(body: schemas.NewUser, services: Provided) -> Response:
    """Sign up."""
    user, tokens = await services.accounts.register(body.username, body.email, body.password, body.name)
    return await _signed_in(services, user, tokens, 201)


@router.post(
    "/login", response_model=schemas.SignedIn, responses=failures(400, 401, 404, 422), dependencies=[LOGGING_IN]
)
async def login(body: schemas.LogIn, request: Request, services: Provided) -> Response:
    """Begin a session."""
    given = [login for login in (body.login, body.username, body.email) if login]
    if len(given) != 1:
        why = "give one of login, username and email"
        raise Invalid("Who logs in is not clear.", "invalid_request", (("login", why),))
    network = services.guard.origin(request.scope).network
    user, tokens = await services.accounts.login(given[0], body.password, network)
    return await _signed_in(services, user, tokens, 200)


@router.post("/refresh", response_model=schemas.Tokens, responses=failures(400, 401, 422), dependencies=[OTHERWISE])
async def refresh(body: schemas.Refresh, services: Provided) -> Response:
    """Exchange a refresh token for new tokens. It is good for one use; a second one ends the session."""
    tokens = await services.accounts.refresh(body.refresh_token)
    return json_response(orjson.dumps(asdict(tokens)))


@router.post(
    "/logout",
    status_code=204,
    responses=failures(400, 401, 422),
    dependencies=[OTHERWISE],
    openapi_extra={"security": [{"bearer": []}, {}]},
)
async def logout(request: Request, services: Provided, body: schemas.LogOut | None = None) -> Response:
    """End the session of the access token, or of the refresh token in the body, or both.

    An access token that has expired will do. Beside a refresh token one that is not ours is passed over: what it was to
    end cannot be told, and who leaves must not be kept (RFC 7009, 2.2).
    """
    refresh_token = body.refresh_token if body else None
    try:
        session = session_to_end(request, services)
    except Unauthorized:
        if refresh_token is None:
            raise
        session = None
    if session is None and refresh_token is None:
        raise Unauthorized("This needs an access token or a refresh token.", "token_required")
    await services.accounts.logout(session, refresh_token)
    return Response(status_code=204)


async def _signed_in(services: Services, user: UserId, tokens: Tokens, status: int) -> Response:
    profile = await services.users.user(user, user)
    return json_response(b'{"user":%b,%b' % (profile, orjson.dumps(asdict(tokens))[1:]), status)
