"""The application: routes, what surrounds them, and their description."""

from functools import partial

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from domain.errors import EngineError
from serve import auth, errors, health, trends
from serve.cors import Cors
from serve.description import describe
from serve.docs_page import add_docs
from serve.middleware import Edge
from serve.refusals import counting_refusals
from serve.services import Services
from serve.timelines import routes as timelines
from serve.tweets import routes as tweets
from serve.users import routes as users

ROUTERS = (timelines.router, tweets.router, users.router, trends.router, auth.router, health.router)
"""The most used first: routes are tried in order."""


def build_app(
    services: Services, routers: tuple[APIRouter, ...] = ROUTERS, cors_origins: tuple[str, ...] = ("*",)
) -> FastAPI:
    """The application over some services; with fewer routers, one of several that share the work."""
    api = FastAPIOffline(  # the files of /docs
        title="Murmur",
        version="1",
        description="A Twitter-like service. HEAD is taken wherever GET is, and OPTIONS everywhere.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.state.services = services
    for router in routers:
        # Not `include_router`: it nests, and matches every request once for each level.
        api.router.routes.extend(router.routes)
    counting = partial(counting_refusals, services.guard)
    add_docs(api)
    api.add_middleware(
        Edge, request_bytes_max=services.limits.request_bytes_max, counting=counting, cors=Cors(cors_origins)
    )
    api.add_exception_handler(EngineError, errors.on_engine_error)
    api.add_exception_handler(HTTPException, errors.on_http_error)
    api.add_exception_handler(RequestValidationError, errors.on_invalid_request)
    document = describe(api)
    api.openapi = lambda: document  # type: ignore[method-assign]
    return api
