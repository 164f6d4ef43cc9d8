"""The application: routes, what surrounds them, and their description."""

from collections.abc import Iterable, Sequence
from functools import partial

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from domain.limits import Limits
from serve.http.cors import Cors
from serve.http.direct import DirectRoutes
from serve.http.docs_page import add_docs
from serve.http.error_handlers import add_error_handlers
from serve.http.middleware import RequestMiddleware
from serve.http.openapi import describe
from serve.http.rate_limits import Guard
from serve.http.refusals import counting_refusals
from serve.http.use_cases import UseCases


def build_app(use_cases: UseCases, routers: Iterable[APIRouter], cors_origins: Sequence[str] = ("*",)) -> FastAPI:
    """An application of some routers over some use cases."""
    api = FastAPIOffline(  # the files of /docs
        title="Murmur",
        version="1",
        description="A Twitter-like service. HEAD is taken wherever GET is, and OPTIONS everywhere.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # else each request is asked if anybody wants it
    )
    api.state.use_cases = use_cases
    for router in routers:
        # Not `include_router`: it nests, and matches every request once for each level.
        api.router.routes.extend(router.routes)
    add_docs(api)
    api.add_middleware(DirectRoutes, routes=api.routes)
    api.add_middleware(
        RequestMiddleware,
        request_bytes_max=use_cases.get(Limits).request_bytes_max,
        counting=partial(counting_refusals, use_cases.get(Guard)),
        cors=Cors(cors_origins),
    )
    add_error_handlers(api)
    document = describe(api)
    api.openapi = lambda: document  # type: ignore[method-assign]
    return api
