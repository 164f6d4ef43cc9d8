"""Routes of the lists of tweets that people read."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from serve.http.access import Member, Viewer
from serve.http.openapi import CONDITIONAL, TAGGED, TOKEN_OPTIONAL, by_name, failures
from serve.http.parameters import Paged, UserInPath, json_response, tagged_json_response
from serve.http.use_cases import use
from serve.timelines.filters import EVERYTHING, KINDS_PATTERN, EntryFilter, EntryKind, kinds_of
from serve.timelines.queries import TimelineQueries
from serve.tweets.schemas import TweetPage

router = APIRouter(prefix="/api/v1/timeline", tags=["timelines"], generate_unique_id_function=by_name)

Queries = Annotated[TimelineQueries, use(TimelineQueries)]


async def _wanted(
    filter: Annotated[EntryKind | None, Query(description="Only entries of this kind.")] = None,
    exclude: Annotated[
        str | None,
        Query(
            description="No entries of these kinds, with commas between them.",
            json_schema_extra={"pattern": KINDS_PATTERN},
        ),
    ] = None,
) -> EntryFilter:
    if filter is None and exclude is None:
        return EVERYTHING
    return EntryFilter(only=filter, exclude=frozenset() if exclude is None else kinds_of(exclude))


Wanted = Annotated[EntryFilter, Depends(_wanted)]

_LIST = failures(400, 401, 422)
_LIST_OF = failures(400, 401, 404, 422)
_LIST_OF_USER = failures(400, 401, 403, 404, 422)


@router.get("/home", response_model=TweetPage, responses={**_LIST, **TAGGED}, openapi_extra=CONDITIONAL)
async def read_home(viewer: Member, page: Paged, wanted: Wanted, queries: Queries) -> Response:
    """Your own tweets and those, with the retweets, of everyone you follow, newest first."""
    return tagged_json_response(await queries.home(viewer, *page, wanted))


@router.get("/public", response_model=TweetPage, responses=_LIST, openapi_extra=TOKEN_OPTIONAL)
async def read_public(page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """Everybody's tweets, newest first."""
    return json_response(await queries.public(viewer, *page))


@router.get("/user/{id}", response_model=TweetPage, responses=_LIST_OF_USER, openapi_extra=TOKEN_OPTIONAL)
async def read_user_timeline(
    author: UserInPath, page: Paged, wanted: Wanted, viewer: Viewer, queries: Queries
) -> Response:
    """List what one user wrote and retweeted, newest first; of a private account for those who follow it."""
    return json_response(await queries.user_timeline(viewer, author, *page, wanted))


@router.get("/hashtag/{tag}", response_model=TweetPage, responses=_LIST_OF, openapi_extra=TOKEN_OPTIONAL)
async def read_hashtag(tag: str, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """The tweets that carry a hashtag, in any case and width, newest first; the sign may be left out."""
    return json_response(await queries.hashtag(viewer, tag, *page))
