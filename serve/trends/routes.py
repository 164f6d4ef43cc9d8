"""Routes of trends."""

from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from domain.trends.tag_counts import TOP_MAX
from domain.trends.windows import WINDOWS
from serve.http.access import Viewer
from serve.http.openapi import TOKEN_OPTIONAL, Responses, by_name, failures
from serve.http.parameters import json_response
from serve.http.use_cases import use
from serve.trends import schemas
from serve.trends.queries import TrendQueries

router = APIRouter(prefix="/api/v1/trends", tags=["trends"], generate_unique_id_function=by_name)

_DEFAULT_MAX: Final = 10
_WindowName = Literal["5m", "60m", "24h"]
assert get_args(_WindowName) == tuple(WINDOWS)

Queries = Annotated[TrendQueries, use(TrendQueries)]
Window = Annotated[_WindowName, Query(description="How far back.")]


def _failures(*statuses: int) -> Responses:
    described = failures(*statuses)
    unready: dict[str, Any] = {"description": "Overloaded, a store is down, or trends are still being counted."}
    return {**described, 503: described[503] | unready}


async def _limit(
    limit: Annotated[int, Query(ge=1, description="How many; the most there are if that is more.")] = _DEFAULT_MAX,
) -> int:
    return min(limit, TOP_MAX)


@router.get("", response_model=schemas.Trends, responses=_failures(401, 404, 422), openapi_extra=TOKEN_OPTIONAL)
async def read_trends(
    viewer: Viewer,
    queries: Queries,
    limit: Annotated[int, Depends(_limit)],
    window: Window = "60m",
    location: Annotated[str | None, Query(description="A place: its key, or in words; everywhere without.")] = None,
) -> Response:
    """The hashtags of which there is much more than before, best first."""
    return json_response(await queries.top(viewer, window, location, limit))


@router.get(
    "/{tag}/history", response_model=schemas.TagHistory, responses=_failures(401, 422), openapi_extra=TOKEN_OPTIONAL
)
async def read_tag_history(
    tag: Annotated[str, Path(description="A hashtag; the sign may be left out.")],
    _viewer: Viewer,
    queries: Queries,
    window: Window = "60m",
) -> Response:
    """List a hashtag's counts in each minute of a window, without case, oldest first."""
    return json_response(await queries.history(tag, window))
